// Removes everything from URLs that may be a secret, so that events, errors and logs can show them. It does not check
// whether a URL is valid.
import { escapeControls } from "../escape-controls.js";
import { percentDecode } from "../percent-decode.js";
import { hideRandom, looksRandom } from "./random-text.js";
import { isSecretName } from "./secret-name.js";

/**
 * The query parameters whose values are shown. They choose a version, an encoding or a language. Services use all other
 * names for credentials, too: `t`, `rt`, `access`, `state` or `stream`.
 */
const shownParameters =
  /^(?:v|ver|version|api[-_]?version|eio|encoding|format|compress|compression|transport|lang|locale|model)$/i;
/** A value that is shown. A longer value, or one with other characters, may contain a second parameter. */
const shownValue = /^[\w.,-]{1,40}$/;
const shownName = /^[\w.[\]-]{1,32}$/;
/** Number of characters that are shown of a path segment that looks random. */
const shownStart = 4;

/**
 * Makes a URL safe for events, errors and logs. The URL may be invalid or relative.
 *
 * - The user name, the password and the fragment are removed.
 * - In the query, only the values of a few harmless names are shown. All other values, and a query without names, are
 *   replaced by `***`.
 * - In the path, segments that look random are shortened, and parameters are replaced.
 * - Control characters are escaped.
 */
export function displayUrl(text: string): string {
  const [, start = "", path, query = ""] = /^((?:[a-z][a-z\d+.-]*:)?[/\\]{2}[^/\\?]*)?([^?]*)(\?.*)?$/is.exec(
    bareUrl(text),
  )!;
  return escapeControls(start + displayPath(path!) + query.replace(/(?<=^\?|&)[^&]+/g, displayParameter));
}

/** Removes the user name, the password and the fragment of a URL, which may be invalid. */
export function bareUrl(text: string): string {
  return withoutUserinfo(text).split("#", 1)[0]!;
}

function withoutUserinfo(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.host !== "") {
    url.username = "";
    url.password = "";
    return url.href;
  }
  if (!text.includes("@") || /^[?#]|^[/\\](?![/\\])/.test(text)) return text;
  // In an invalid URL, the end of the authority is unknown: an @ may belong to the password or to the query.
  return text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*$/is, "$1***");
}

/** Replaces the value of a query parameter, unless its name is on the list. */
function displayParameter(text: string): string {
  const [, name, value] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) return "***";
  const decoded = percentDecode(name);
  if (shownParameters.test(decoded) && shownValue.test(value!) && !looksRandom(value!)) return text;
  // Without a value, the name may be a token of base64 characters and its padding. A space ends it in an invalid URL.
  const isName = /^=*(?:\s|%20|$)/.test(value!)
    ? /^[a-z_-]*$/.test(name)
    : shownName.test(decoded) && !looksRandom(decoded);
  return `${isName ? name : "***"}=***`;
}

function displayPath(path: string): string {
  let previous = "";
  return path.replace(/[^/\\]+/g, (segment) => {
    // The parameters of a segment, such as `sid=x`, follow a semicolon.
    const [, text, parameters] = /^([^;=]*)([;=]?)/.exec(segment)!;
    const shown = displaySegment(text!, previous);
    previous = segment;
    return parameters === "" || shown === "***" ? shown : `${shown}${parameters}***`;
  });
}

/** @param previous - The segment before it, which may be a name such as `token`. */
function displaySegment(segment: string, previous: string): string {
  const text = percentDecode(segment);
  const isNamed = isSecretName(previous) && text.length >= 6 && /\d/.test(text);
  // A nested URL, encoded parameters or JSON.
  if (isNamed || /:\/\/|:.*@|[{}"=;]/.test(text)) return "***";
  // Texts contain shorter hexadecimal numbers that operators need, but paths do not.
  const isRandom = /^(?=.*\d)(?=.*[a-f])[\da-f]{16,}$/i.test(text) || hideRandom(text) !== text;
  return isRandom ? `${segment.slice(0, shownStart)}***` : segment;
}
