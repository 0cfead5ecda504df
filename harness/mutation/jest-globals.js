import { ModernFakeTimers } from '@jest/fake-timers';
import { bind } from 'jest-each';
import { ModuleMocker } from 'jest-mock';
import { createRequire, syncBuiltinESMExports } from 'node:module';

export { expect } from 'expect';

const mocha = globalThis;
/** A mutant that keeps a test waiting longer never answers. */
const TEST_TIMEOUT_MS = 20_000;

/** Jest's names for what Mocha has. */
export const describe = withTable((title, body) => mocha.describe(title, body));
export const it = withTable((title, body) => mocha.it(title, body).timeout(TEST_TIMEOUT_MS));
export const beforeAll = (hook) => mocha.before(inTime(hook));
export const afterAll = (hook) => mocha.after(inTime(hook));
export const beforeEach = (hook) => mocha.beforeEach(inTime(hook));
export const afterEach = (hook) => mocha.afterEach(inTime(hook));

const timers = new ModernFakeTimers({ config: { fakeTimers: {}, rootDir: process.cwd() }, global: globalThis });

export const jest = Object.assign(new ModuleMocker(globalThis), {
  useFakeTimers: (options) => timers.useFakeTimers(options),
  useRealTimers: () => timers.useRealTimers(),
  advanceTimersByTime: (milliseconds) => timers.advanceTimersByTime(milliseconds),
  advanceTimersByTimeAsync: (milliseconds) => timers.advanceTimersByTimeAsync(milliseconds),
  getTimerCount: () => timers.getTimerCount(),
  /** Only of Node's own modules, and for the whole process. */
  unstable_mockModule(name, factory) {
    const builtin = createRequire(import.meta.url)(name);
    for (const [key, value] of Object.entries(factory())) if (builtin[key] !== value) builtin[key] = value;
    syncBuiltinESMExports();
  },
});

function withTable(define) {
  return Object.assign(define, { each: bind(define, false) });
}

function inTime(hook) {
  return function () {
    this.timeout(TEST_TIMEOUT_MS);
    return hook();
  };
}
