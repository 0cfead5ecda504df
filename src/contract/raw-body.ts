/**
 * Parses the raw body of a POST, which was valid JSON when it arrived. A byte order mark is skipped, as body parsers
 * do.
 *
 * @throws SyntaxError if it is no longer valid JSON
 */
export function parseRawBody(rawBody: string): unknown {
  return JSON.parse(rawBody.startsWith('\uFEFF') ? rawBody.slice(1) : rawBody);
}
