// Hides secrets in free text, such as messages of errors, close reasons and logged payloads. It recognises a secret by
// its name or because it looks random, and may hide harmless values. It does not guarantee that the text contains no
// secret.
//
// The text may come from a peer and have any length. It is therefore searched for separators, once from left to right:
// a regular expression that starts with a name would need quadratic time on a long word.
import { displayUrl } from "./display-url.js";
import { hideRandom } from "./random-text.js";

/** Matches every name that suggests a secret. */
const secretPart =
  /token|passw|passphrase|pwd|secret|auth(?!ors?\b)|(?:api|access|private|listen)[-_]?key|(?<!as|de)sign|cookie|session|credential|jwt/i;

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

const url = /\b(?:wss?|https?|socks\w{0,2}):[/\\]{2}[^\s"'<>]+/gi;
/** The query of a relative URL, such as the one in `Cannot GET /feed?t=x`. */
const query = /\?[\w.[\]-]+=[^\s"'<>]*/g;
/** Characters that end a sentence or a quotation. They are not part of a URL at its end. */
const afterUrl = ".,:;!?)]}";
const privateKey = /-----BEGIN[^]*?(?:-----END[^\n]*|$)/g;
/** Words and short numbers, such as the explanation in `Unauthorized: the token has expired`. */
const prose =
  /^(?!(?:bearer|basic|digest|negotiate) )[a-z']{1,20}(?:[,.;]? (?:[a-z']{1,20}|\d{1,3}))+[.!?]?$/i;
/** Longest value that may be prose. */
const maxProse = 120;

/**
 * Replaces every value by `***` whose name suggests a secret, and every word that looks random. URLs are shown as
 * {@link displayUrl} shows them. Its time is linear in the length of the text.
 */
export function redactText(text: string): string {
  const whole = text.replace(privateKey, "***").replace(url, shownUrl).replace(query, shownUrl);
  const named = hideValues(hideValues(whole, member), pair);
  return hideRandom(named.replace(scheme, "$1 ***"));
}

function shownUrl(match: string): string {
  let end = match.length;
  while (afterUrl.includes(match[end - 1]!)) end--;
  const text = match.slice(0, end);
  const shown = displayUrl(text);
  // The slash that a URL without a path gets would change a text without secrets.
  return (shown === `${text}/` ? text : shown) + match.slice(end);
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
    if (end === start || (syntax === pair && isProse(text, start, end))) continue;
    result += `${text.slice(done, start)}***`;
    done = end;
    separator.lastIndex = end;
  }
  return result + text.slice(done);
}

/** An explanation after a colon is shown: it is the most useful part of a close reason. */
function isProse(text: string, start: number, end: number): boolean {
  return text[start - 1] === " " && end - start <= maxProse && prose.test(text.slice(start, end));
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
  // A value that is hidden already ends here, so that a text may be redacted twice.
  if (text.startsWith("***", start)) return start + 3;
  const first = text[start];
  if (first === undefined) return start;
  if (first === '"') return endOfQuoted(text, start);
  if (first === "'") return indexOrEnd(text, text.indexOf("'", start + 1), 1);
  // The end of a nested or doubly quoted value is hard to find, so everything from the start of the value is hidden.
  if (first === "[" || first === "{" || first === "\\") return text.length;
  if (noValue.test(first)) return start;
  let end = start;
  do {
    valueEnd.lastIndex = end;
    end = indexOrEnd(text, valueEnd.exec(text)?.index ?? -1, 0);
    // A quoted parameter is a part of the value: `Authorization: Token token="x"`.
    if (text[end] !== '"' || text[end - 1] !== "=") return end;
    end = endOfQuoted(text, end);
  } while (end < text.length);
  return end;
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
