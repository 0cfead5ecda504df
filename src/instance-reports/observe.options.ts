import { either, fields, invalid, kind, whole, type Check } from '../option.checks.js';

/**
 * What an instance writes of itself and of its counts.
 *
 * @publicApi
 */
export interface ObserveOptions {
  /** Milliseconds between two writes, from 1000 to 20000. @default 10000 */
  interval?: number;
}

/** Interval; undefined if nothing is observed. */
export interface ObserveSettings {
  readonly interval: number | undefined;
}

export const OBSERVE_SETTINGS = Symbol('cr3dentials-webhook observe settings');

const DEFAULT_INTERVAL_MS = 10_000;

const onlyFalse: Check = (value, name) => {
  if (value !== false) throw invalid(`Option "${name}" must be false or { interval }, not ${kind(value)}.`);
};

export const observeCheck = either(
  (value) => typeof value === 'object',
  fields({ interval: whole(1_000, 20_000) }),
  onlyFalse,
);

export function observeSettings(options: ObserveOptions | false = {}): ObserveSettings {
  return { interval: options === false ? undefined : (options.interval ?? DEFAULT_INTERVAL_MS) };
}
