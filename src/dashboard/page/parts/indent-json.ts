/** Strings as wholes, then what opens, closes or separates, then anything else but white space. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * Puts line breaks into JSON without reading its values, so that long numbers stay exact and keys stay doubled if they
 * are. A text that is not JSON comes back as it is.
 */
export function indentJson(text: string): string {
  const tokens = text.match(TOKENS);
  if (!tokens || !/^\s*[{[]/.test(text)) return text;
  let depth = 0;
  let out = '';
  const line = () => `\n${'  '.repeat(Math.max(0, depth))}`;
  for (const [index, token] of tokens.entries()) {
    const isEmpty = /[}\]]/.test(tokens[index + 1] ?? '') && /^[{[]$/.test(token);
    if (/^[{[]$/.test(token)) {
      depth += 1;
      out += isEmpty ? token : token + line();
    } else if (/^[}\]]$/.test(token)) {
      depth -= 1;
      out += /[{[]$/.test(out) ? token : line() + token;
    } else if (token === ',') out += token + line();
    else out += token === ':' ? ': ' : token;
  }
  return out;
}
