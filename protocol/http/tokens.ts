// Tokens and whitespace of HTTP header fields.

/** RFC 9110 5.6.2: the characters of header names, subprotocols and extension names. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

/** Returns `text` from index `from` on, without leading and trailing spaces and tabs (RFC 9110 5.5). */
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
