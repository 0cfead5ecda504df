import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { ScheduledEvent } from './event-queue.js';
import type { Scheduler } from './scheduler.js';

/** Time at which every schedule begins. */
export const EPOCH = Date.UTC(2026, 0, 1);

type Callback = (...args: unknown[]) => void;

/** Handle that a virtual timer returns. */
class VirtualTimer {
  constructor(public event: ScheduledEvent) {}

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

/**
 * Replaces the timers, the clocks and the random numbers of this process by those of the scheduler, for as long as it
 * runs events. A timer belongs to the owner of the event that has set it.
 */
export function installVirtualGlobals(scheduler: Scheduler, random: () => number): void {
  replaceTimers(scheduler);
  replaceClocks(scheduler);
  const { random: realRandom } = Math;
  Math.random = () => (scheduler.isRunning ? random() : realRandom());
  // Ids are told apart by time and counter alone, so that every run has the same.
  Object.defineProperty(crypto, 'getRandomValues', { value: <T>(array: T): T => array });
  const { nextTick } = process;
  process.nextTick = ((callback: Callback, ...args: unknown[]) => {
    if (scheduler.isRunning) queueMicrotask(() => callback(...args));
    else nextTick.call(process, callback, ...args);
  }) as typeof nextTick;
}

function replaceTimers(scheduler: Scheduler): void {
  const real = { setTimeout, clearTimeout, setImmediate, clearImmediate, setInterval, clearInterval };
  const start = (delay: number, callback: Callback, args: unknown[]) =>
    new VirtualTimer(scheduler.after(delay, () => callback(...args), scheduler.current));
  const repeat = (interval: number, callback: Callback, args: unknown[]) => {
    const next = () => scheduler.after(interval, tick, scheduler.current);
    const timer = new VirtualTimer(next());
    function tick(): void {
      timer.event = next();
      callback(...args);
    }
    return timer;
  };
  Object.assign(globalThis, {
    setInterval: (callback: Callback, interval = 1, ...args: unknown[]) =>
      scheduler.isRunning
        ? repeat(Math.max(1, interval), callback, args)
        : real.setInterval(callback, interval, ...args),
    clearInterval: (timer: unknown) => stop(timer, real.clearInterval as Callback),
    setTimeout: (callback: Callback, delay = 1, ...args: unknown[]) =>
      scheduler.isRunning ? start(Math.max(1, delay), callback, args) : real.setTimeout(callback, delay, ...args),
    setImmediate: (callback: Callback, ...args: unknown[]) =>
      scheduler.isRunning ? start(0, callback, args) : real.setImmediate(callback, ...args),
    clearTimeout: (timer: unknown) => stop(timer, real.clearTimeout as Callback),
    clearImmediate: (timer: unknown) => stop(timer, real.clearImmediate as Callback),
  });
  // The module takes them from Node too, where a host's tests cannot fake them.
  const require = createRequire(import.meta.url);
  Object.assign(require('node:timers') as object, { setImmediate: globalThis.setImmediate });
  replacePromises(scheduler, require('node:timers/promises') as Record<string, unknown>, start);
  syncBuiltinESMExports();
}

type Start = (delay: number, callback: Callback, args: unknown[]) => unknown;

function replacePromises(scheduler: Scheduler, promises: Record<string, unknown>, start: Start): void {
  const realSleep = promises.setTimeout as (delay?: number, value?: unknown) => Promise<unknown>;
  const realTurn = promises.setImmediate as (value?: unknown) => Promise<unknown>;
  promises.setTimeout = (delay = 1, value?: unknown) =>
    scheduler.isRunning
      ? new Promise((resolve) => start(Math.max(1, delay), resolve, [value]))
      : realSleep(delay, value);
  promises.setImmediate = (value?: unknown) =>
    scheduler.isRunning ? new Promise((resolve) => start(0, resolve, [value])) : realTurn(value);
}

function stop(timer: unknown, realStop: Callback): void {
  if (timer instanceof VirtualTimer) timer.event.isCancelled = true;
  else realStop(timer);
}

function replaceClocks(scheduler: Scheduler): void {
  const { now: realNow } = Date;
  const realMonotonic = performance.now.bind(performance);
  Date.now = () =>
    scheduler.isRunning ? EPOCH + Math.floor(scheduler.now) + (scheduler.current?.clockError ?? 0) : realNow();
  Object.defineProperty(performance, 'timeOrigin', { value: EPOCH });
  Object.defineProperty(performance, 'now', {
    value: () => (scheduler.isRunning ? scheduler.now : realMonotonic()),
  });
}
