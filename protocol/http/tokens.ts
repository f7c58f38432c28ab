// Tokens and whitespace of HTTP header fields.

/** The grammar of a token (RFC 9110 5.6.2). Header names, subprotocols and extension names are tokens. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

/** Removes leading and trailing spaces and tabs (RFC 9110 5.5). `trim` would also remove the byte 0xa0. */
export function trimWhitespace(text: string): string {
  const [trimmed = ""] = /[^ \t](?:.*[^ \t])?/s.exec(text) ?? [];
  return trimmed;
}
