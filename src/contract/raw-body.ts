/**
 * Parses the raw body of a POST, which was valid JSON when it arrived. A byte order mark is skipped, as body parsers
 * do.
 *
 * @throws SyntaxError if it is no longer valid JSON
 */
export function parseRawBody(rawBody: string): unknown {
  return JSON.parse(rawBody.startsWith('\uFEFF') ? rawBody.slice(1) : rawBody);
}

/**
 * Parses the raw body of a rejection. One that is empty, or only a byte order mark, is an empty object: parsers of
 * hosts make one of it.
 *
 * @throws SyntaxError if it is no longer valid JSON
 */
export function parseRejectedBody(rawBody: string): unknown {
  return /^\uFEFF?$/.test(rawBody) ? {} : parseRawBody(rawBody);
}
