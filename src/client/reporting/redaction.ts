/**
 * Hides secrets in text that is logged. It recognises a secret by its name, not by its value. Therefore it may hide
 * harmless values, and it may miss a secret.
 *
 * A peer may choose the text and its length. Therefore the text is searched once, from left to right, for separators
 * such as `=`. The name before a separator is checked afterwards. A regular expression that begins with the name would
 * need quadratic time for a long word.
 */

/** Matches every name that suggests a secret. */
const secretPart =
  /token|passw|passphrase|pwd|secret|auth|(?:api|access|private|listen)[-_]?key|sign|cookie|session|credential|jwt/i;

/** Matches the second word of a name such as `api key`. */
const spacedKeyStart = /^key/i;
/** Matches text that ends with the first word of a two-word name, such as `api` of `api key`. */
const spacedKeyPrefix = /(?:api|access|private|listen)$/i;
/** Number of letters of the longest word in {@link spacedKeyPrefix}. This word is `private`. */
const maxPrefixSize = 7;

const nameCharacter = /[\w.-]/;
const scheme = /\b(Bearer|Basic)\s+[^\s"',]+/gi;

interface Syntax {
  /** Matches the text between a name and its value. */
  readonly separator: RegExp;
  /** Matches a character that may be between a name and its separator. */
  readonly gap: RegExp;
  /** Matches the end of an unquoted value. */
  readonly valueEnd: RegExp;
  /** Matches a character that cannot begin an unquoted value. */
  readonly noValue: RegExp;
}

/** A member of a JSON object. In a nested JSON string, backslashes precede the quotes. */
const member: Syntax = {
  separator: /["']\s*[:=]\s*/g,
  gap: /\\/,
  valueEnd: /[\s,}\]]/g,
  noValue: /[\s,}\]]/,
};
/** `name=value` in a query, and `name: value` in a header. */
const pair: Syntax = { separator: /[:=]\s*/g, gap: /\s/, valueEnd: /[&\r\n"]/g, noValue: /[&\r\n]/ };

/**
 * Replaces a value by `***` if the name of the value suggests a secret. The running time is linear in the length of the
 * text.
 */
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

/** Returns true if the name that ends at `end` suggests a secret. Text before `from` is ignored. */
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
  // The end of a nested or doubly quoted value is hard to find, so everything from the start of the value is hidden.
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
