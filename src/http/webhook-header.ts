/** Default header, which is that of the portal's example. */
export const DEFAULT_HEADER = 'X-API-Key';

/** Tells whether HTTP allows a header of this name. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~\w-]+$/.test(name);
}

/** Tells whether a header arrives with exactly this value: printable ASCII, no spaces around it, not empty. */
export function isHeaderValue(value: string): boolean {
  return /^[!-~]([ -~]*[!-~])?$/.test(value);
}
