/** Preloaded before anything else: makes the clock of this process wrong by CLOCK_OFFSET_MS. */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS);
const RightDate = Date;

globalThis.Date = new Proxy(RightDate, {
  apply: () => new RightDate(RightDate.now() + offsetMs).toString(),
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [RightDate.now() + offsetMs] : given, newTarget) as Date,
  get: (target, property, receiver) =>
    property === 'now' ? () => RightDate.now() + offsetMs : (Reflect.get(target, property, receiver) as unknown),
});

const { timeOrigin } = performance;
Object.defineProperty(performance, 'timeOrigin', { get: () => timeOrigin + offsetMs });
