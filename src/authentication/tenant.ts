/** Longest tenant that an index of every supported database holds, in characters. */
const MAX_LENGTH = 255;

/** Tells whether a value is text that can be stored as a tenant. */
export function isTenant(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH && !value.includes('\0') && value.isWellFormed();
}
