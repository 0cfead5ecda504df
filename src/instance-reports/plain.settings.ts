/** Levels of objects that are shown. */
const MAX_DEPTH = 4;

/** Settings as they may be shown and kept: functions and instances of classes are words. */
export const PLAIN_SETTINGS = Symbol('cr3dentials-webhook plain settings');
/** The same of a host that sets no option. */
export const DEFAULT_SETTINGS = Symbol('cr3dentials-webhook default settings');

/** Returns a value with nothing in it but texts, numbers, yes and no. */
export function plain(value: unknown, depth = 0): unknown {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value === undefined || typeof value === 'symbol' || typeof value === 'bigint') return null;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  const isRecord = [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
  if (!isRecord || depth >= MAX_DEPTH) return 'an object';
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one, depth + 1)]));
}
