/**
 * Hides secrets in text that is logged. It goes by names, not by values, and prefers to hide one value too many.
 *
 * The text may come from a peer and be of any length, so it is read once from left to right: a pattern that begins with a
 * name would look at every character of a long word once for each character before it.
 */

/** Parts of names that stand for secrets. A name that only contains one counts too. */
const secretPart =
  /token|passw|passphrase|pwd|secret|auth|(?:api|access|private|listen)[-_]?key|sign|cookie|session|credential|jwt/i;

/** A name of two words: `api key`. */
const spacedKeyStart = /^key/i;
const spacedKeyPrefix = /(?:api|access|private|listen)$/i;
const maxPrefixSize = 7;

const nameCharacter = /[\w.-]/;
const whitespace = /\s/;

/** The end of the name of a JSON member, up to its value: `": `. Backslashes before it belong to a string of JSON. */
const memberSeparator = /["']\s*[:=]\s*/g;
/** The same of `name=value` in a query, and `name: value` in a header. */
const pairSeparator = /[:=]\s*/g;

/** Where a value without quotes ends. */
const memberValueEnd = /[\s,}\]]/g;
const pairValueEnd = /[&\r\n"]/g;
/** Characters that no value without quotes begins with. */
const noMemberValue = /[\s,}\]]/;
const noPairValue = /[&\r\n]/;

const scheme = /\b(Bearer|Basic)\s+[^\s"',]+/gi;

interface Form {
  readonly separator: RegExp;
  /** What may stand between a name and its separator. */
  readonly gap: RegExp;
  readonly valueEnd: RegExp;
  readonly noValue: RegExp;
}

const member: Form = {
  separator: memberSeparator,
  gap: /\\/,
  valueEnd: memberValueEnd,
  noValue: noMemberValue,
};
const pair: Form = {
  separator: pairSeparator,
  gap: whitespace,
  valueEnd: pairValueEnd,
  noValue: noPairValue,
};

/** Replaces every value whose name looks like that of a secret by `***`. The time is linear in the length of the text. */
export function redact(text: string): string {
  return hideValues(hideValues(text, member), pair).replace(scheme, "$1 ***");
}

function hideValues(text: string, form: Form): string {
  const { separator } = form;
  let result = "";
  let done = 0;
  separator.lastIndex = 0;
  for (let match = separator.exec(text); match !== null; match = separator.exec(text)) {
    if (!hasSecretName(text, done, match.index, form.gap)) continue;
    const start = separator.lastIndex;
    const end = endOfValue(text, start, form);
    if (end === start) continue;
    result += `${text.slice(done, start)}***`;
    done = end;
    separator.lastIndex = end;
  }
  return result + text.slice(done);
}

/** Looks at the name that ends before `end`, and not at what stands before `from`. */
function hasSecretName(text: string, from: number, end: number, gap: RegExp): boolean {
  const nameEnd = skipBack(text, from, end, gap);
  const nameStart = skipBack(text, from, nameEnd, nameCharacter);
  const name = text.slice(nameStart, nameEnd);
  if (secretPart.test(name)) return true;
  if (!spacedKeyStart.test(name) || text[nameStart - 1] !== " ") return false;
  return spacedKeyPrefix.test(text.slice(Math.max(from, nameStart - 1 - maxPrefixSize), nameStart - 1));
}

/** The start of the run of such characters that ends at `end`. */
function skipBack(text: string, from: number, end: number, character: RegExp): number {
  let start = end;
  while (start > from && character.test(text[start - 1]!)) start--;
  return start;
}

/** Where the value that begins at `start` ends; `start` where there is none. */
function endOfValue(text: string, start: number, { valueEnd, noValue }: Form): number {
  const first = text[start];
  if (first === undefined) return start;
  if (first === '"') return endOfQuoted(text, start);
  if (first === "'") return indexOrEnd(text, text.indexOf("'", start + 1), 1);
  // The end of a value that is nested or quoted twice is hard to find: all of the rest is hidden.
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
