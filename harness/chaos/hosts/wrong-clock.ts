import type { HostAnswer, HostCommand } from './host-settings.js';

/** Preloaded before anything else: makes the clock of this process wrong by CLOCK_OFFSET_MS, until the harness sets it. */
let offsetMs = Number(process.env.CLOCK_OFFSET_MS);
process.on('message', (command: HostCommand) => {
  if (!('clockOffsetMs' in command)) return;
  offsetMs = command.clockOffsetMs;
  process.send?.('the clock is set' satisfies HostAnswer);
});

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
