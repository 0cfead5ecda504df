/** Shortest text that is worth a search. */
const MIN_SEARCH_LENGTH = 4;
/** Longest text that the page searches for. */
const MAX_SEARCH_LENGTH = 100;

const QUOTED = /"[^"]*"|'[^']*'|`[^`]*`|«[^»]*»|“[^”]*”/g;
const ID = /\b[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\b|\b(?=[\da-f]*\d)[\da-f]{12,}\b/gi;
const NUMBER = /\d+(?:[.,:]\d+)*/g;

/** Returns an error without what varies: quoted texts are `…`, ids `<id>`, numbers `#`. */
export function shapeOfError(error: string): string {
  return error.replaceAll(QUOTED, '…').replaceAll(ID, '<id>').replaceAll(NUMBER, '#');
}

/** Returns the longest part of an error that does not vary, or its first 100 characters; null without one. */
export function searchOf(error: string): string | null {
  const parts = shapeOfError(error).split(/…|<id>|#/);
  const longest = parts
    .map((part) => part.trim())
    .reduce((one, other) => (other.length > one.length ? other : one), '');
  if (longest.length < MIN_SEARCH_LENGTH || !error.includes(longest)) return null;
  return longest
    .slice(0, MAX_SEARCH_LENGTH)
    .replace(/[\uD800-\uDBFF]$/, '')
    .trim(); // no half of a character
}
