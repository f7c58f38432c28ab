// Hides secrets in free text, such as messages of errors, close reasons and logged payloads. It recognises a secret by
// its name or because it looks random, and may hide harmless values. It does not guarantee that the text contains no
// secret.
//
// The text may come from a peer and have any length, so each pattern needs linear time.
import { displayUrl } from "./display-url.js";
import { hideRandom } from "./random-text.js";
import { isSecretName } from "./secret-name.js";

const privateKey = /-----BEGIN[^]*?(?:-----END[^\n]*|$)/g;
/**
 * A URL, or the query of a relative URL as in `Cannot GET /feed?t=x`. The last character is not one that ends a sentence
 * or a quotation.
 */
const url = /(?:\b(?:wss?|https?|socks\w{0,2}):[/\\]{2}|\?[\w.[\]-]+=)[^\s"'<>]*[^\s"'<>.,:;!?)}\]]/gi;
const scheme = /\b(Bearer|Basic)\s+[^\s"',]+/gi;

/** A name before a colon or an equals sign. In a nested JSON string, backslashes precede the quote after the name. */
const nameOfValue = /(?<![\w.-])([\w.-]+)(?:\\*(["'])\s*|\s*)[:=]\s*/g;
/** In texts, other codes are those of errors. */
const publicCode = /(?<!pass)code$/i;
/**
 * A value that is hidden already, a quoted value, or everything from a bracket or backslash: the end of a nested or
 * doubly quoted value is hard to find.
 */
const delimitedValue = /\*{3}|"[^"\\]*(?:\\[^]?[^"\\]*)*"?|'[^']*'?|[[{\\][^]*/y;
/** The value of a member of a JSON object. */
const memberValue = /[^\s,}\]]+/y;
/** The value of a pair such as `name=value` in a query, and `name: value` in a header, with parameters such as `a="b"`. */
const pairValue = /[^&\r\n"]+(?:(?<==)"(?:[^"\\]|\\[^])*"?[^&\r\n"]*)*/y;
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
  const named = hideValues(text.replace(privateKey, "***").replace(url, shownUrl));
  return hideRandom(named.replace(scheme, "$1 ***"));
}

function shownUrl(text: string): string {
  const shown = displayUrl(text);
  // The slash that a URL without a path gets would change a text without secrets.
  return shown === `${text}/` ? text : shown;
}

function hideValues(text: string): string {
  let result = "";
  let done = 0;
  for (const { 0: match, 1: name, 2: quote, index } of text.matchAll(nameOfValue)) {
    if (index < done || !isSecretName(name!) || publicCode.test(name!)) continue;
    const start = index + match.length;
    const value =
      matchAt(delimitedValue, text, start) ??
      matchAt(quote === undefined ? pairValue : memberValue, text, start);
    if (value === undefined || (quote === undefined && text[start - 1] === " " && isProse(value))) continue;
    result += `${text.slice(done, start)}***`;
    done = start + value.length;
  }
  return result + text.slice(done);
}

function matchAt(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}

/** An explanation after a colon is shown: it is the most useful part of a close reason. */
function isProse(value: string): boolean {
  return value.length <= maxProse && prose.test(value);
}
