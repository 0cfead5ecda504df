/** The header of the portal's example. */
export const DEFAULT_HEADER = 'X-API-Key';

/** Whether HTTP allows a header of this name. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~\w-]+$/.test(name);
}

/** Whether a header arrives with just this value: printable ASCII, no spaces around it, never empty. */
export function isHeaderValue(value: string): boolean {
  return /^[!-~]([ -~]*[!-~])?$/.test(value);
}
