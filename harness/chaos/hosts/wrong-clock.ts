/** Preloaded: a machine whose clock is wrong by CLOCK_IS_OFF milliseconds, before anything else has looked at it. */
const off = Number(process.env.CLOCK_IS_OFF);
const RightDate = Date;

globalThis.Date = new Proxy(RightDate, {
  apply: () => new RightDate(RightDate.now() + off).toString(),
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [RightDate.now() + off] : given, newTarget) as Date,
  get: (target, property, receiver) =>
    property === 'now' ? () => RightDate.now() + off : (Reflect.get(target, property, receiver) as unknown),
});

const { timeOrigin } = performance;
Object.defineProperty(performance, 'timeOrigin', { get: () => timeOrigin + off });
