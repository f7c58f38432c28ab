/** Parts of names that stand for what nobody else is to know; a name that only contains one is taken too. */
const secretParts = [
  "token",
  "passw",
  "passphrase",
  "pwd",
  "secret",
  "auth",
  "(?:api|access|private|listen)[-_ ]?key",
  "sign",
  "cookie",
  "session",
  "credential",
  "jwt",
];
const name = `[\\w.-]*(?:${secretParts.join("|")})[\\w.-]*`;

/** What is nested or quoted twice has an end that is hard to find: all that is left goes. */
const toTheEnd = "[{[\\\\][^]*";
const quoted = `"(?:[^"\\\\]|\\\\[^]?)*(?:"|$)|'[^']*(?:'|$)`;

/** `"name": value` of JSON, also inside a string of JSON. */
const member = new RegExp(
  `(${name}\\\\*["']\\s*[:=]\\s*)(?:${quoted}|${toTheEnd}|[^\\s,}\\]"'{[\\\\][^\\s,}\\]]*)`,
  "gi",
);
/** `name=value` of a query and `name: value` of a header, up to where either may end. */
const pair = new RegExp(`(${name}\\s*[:=]\\s*)(?:${quoted}|${toTheEnd}|[^&\\r\\n"]+)`, "gi");
const scheme = /\b(Bearer|Basic)\s+[^\s"',]+/gi;

/** Puts `***` in the place of every value whose name looks like a secret's; rather one too many. */
export function redact(text: string): string {
  return text.replace(member, "$1***").replace(pair, "$1***").replace(scheme, "$1 ***");
}
