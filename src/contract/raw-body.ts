/**
 * Parses the raw body of a POST that was parsed before. A byte order mark is left out, as parsers do.
 *
 * @throws SyntaxError when it is no JSON any more
 */
export function parseRawBody(rawBody: string): unknown {
  return JSON.parse(rawBody.replace(/^\uFEFF/, ''));
}
