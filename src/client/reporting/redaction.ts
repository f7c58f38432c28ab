/**
 * Hides secrets in text that is logged. It recognises secrets by their names, not by their values, and may hide
 * harmless values. It is not a guarantee that a text contains no secret.
 *
 * The text may come from a peer and have any length, so it is scanned once from left to right for separators. A regular
 * expression that starts with a name would need quadratic time on a long word.
 */

/** Matches every name that contains one of these parts. */
const secretPart =
  /token|passw|passphrase|pwd|secret|auth|(?:api|access|private|listen)[-_]?key|sign|cookie|session|credential|jwt/i;

/** Matches the second word of a name such as `api key`. */
const spacedKeyStart = /^key/i;
const spacedKeyPrefix = /(?:api|access|private|listen)$/i;
const maxPrefixSize = 7;

const nameCharacter = /[\w.-]/;
const whitespace = /\s/;

/** Matches the text between the name of a JSON member and its value: `": `. */
const memberSeparator = /["']\s*[:=]\s*/g;
/** Matches the separator of `name=value` in a query and of `name: value` in a header. */
const pairSeparator = /[:=]\s*/g;

// The end of a value without quotes.
const memberValueEnd = /[\s,}\]]/g;
const pairValueEnd = /[&\r\n"]/g;
// Characters with which no unquoted value begins.
const noMemberValue = /[\s,}\]]/;
const noPairValue = /[&\r\n]/;

const scheme = /\b(Bearer|Basic)\s+[^\s"',]+/gi;

interface Syntax {
  readonly separator: RegExp;
  /** Characters that may be between a name and its separator. In a nested JSON string these are backslashes. */
  readonly gap: RegExp;
  readonly valueEnd: RegExp;
  readonly noValue: RegExp;
}

const member: Syntax = {
  separator: memberSeparator,
  gap: /\\/,
  valueEnd: memberValueEnd,
  noValue: noMemberValue,
};
const pair: Syntax = {
  separator: pairSeparator,
  gap: whitespace,
  valueEnd: pairValueEnd,
  noValue: noPairValue,
};

/** Replaces every value whose name suggests a secret by `***`. The time is linear in the length of the text. */
export function redact(text: string): string {
  return hideValues(hideValues(text, member), pair).replace(scheme, "$1 ***");
}

function hideValues(text: string, syntax: Syntax): string {
  const { separator } = syntax;
  let result = "";
  let done = 0;
  separator.lastIndex = 0;
  for (let match = separator.exec(text); match !== null; match = separator.exec(text)) {
    if (!hasSecretName(text, done, match.index, syntax.gap)) continue;
    const start = separator.lastIndex;
    const end = endOfValue(text, start, syntax);
    if (end === start) continue;
    result += `${text.slice(done, start)}***`;
    done = end;
    separator.lastIndex = end;
  }
  return result + text.slice(done);
}

/** Checks the name that ends at `end`. Text before `from` is ignored. */
function hasSecretName(text: string, from: number, end: number, gap: RegExp): boolean {
  const nameEnd = skipBack(text, from, end, gap);
  const nameStart = skipBack(text, from, nameEnd, nameCharacter);
  const name = text.slice(nameStart, nameEnd);
  if (secretPart.test(name)) return true;
  if (!spacedKeyStart.test(name) || text[nameStart - 1] !== " ") return false;
  return spacedKeyPrefix.test(text.slice(Math.max(from, nameStart - 1 - maxPrefixSize), nameStart - 1));
}

/** Returns the start of the sequence of matching characters that ends at `end`. */
function skipBack(text: string, from: number, end: number, character: RegExp): number {
  let start = end;
  while (start > from && character.test(text[start - 1]!)) start--;
  return start;
}

/** Returns the end of the value that begins at `start`, or `start` if there is no value. */
function endOfValue(text: string, start: number, { valueEnd, noValue }: Syntax): number {
  const first = text[start];
  if (first === undefined) return start;
  if (first === '"') return endOfQuoted(text, start);
  if (first === "'") return indexOrEnd(text, text.indexOf("'", start + 1), 1);
  // The end of a nested or doubly quoted value is hard to find, so the rest of the text is hidden.
  if (first === "[" || first === "{" || first === "\\") return text.length;
  if (noValue.test(first)) return start;
  valueEnd.lastIndex = start;
  return indexOrEnd(text, valueEnd.exec(text)?.index ?? -1, 0);
}

function endOfQuoted(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') return at + 1;
    if (text[at] === "\\") at++;
  }
  return text.length;
}

function indexOrEnd(text: string, index: number, size: number): number {
  return index === -1 ? text.length : index + size;
}
