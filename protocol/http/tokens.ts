/** RFC 9110 5.6.2: what names of header fields, subprotocols and extensions are made of. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

/** `text` from `from` on without the spaces and tabs at both ends (RFC 9110 5.5), and nothing else, in one pass. */
export function trimWhitespace(text: string, from = 0): string {
  let start = from;
  let end = text.length;
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
