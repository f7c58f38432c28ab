// Parses WebSocket URLs and removes credentials from URLs that are shown to people. It does not resolve host names.
import { escapeControls } from "./escape-controls.js";

/** The parts of a URL that a client needs. */
export interface WebSocketUri {
  /** `true` for wss, which means that the connection uses TLS (RFC 6455 3). */
  readonly isSecure: boolean;
  /** Host name or address to connect to; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * Value of the Host header. An IPv6 address is in brackets. The port is omitted if it is the default of the scheme
   * (RFC 6455 4.1).
   */
  readonly hostHeader: string;
  /** Path and query for the request line; RFC 6455 3 calls it the resource name. */
  readonly resource: string;
  /** `Basic …` from the user name and password of the URL (RFC 7617); `undefined` if it has none. */
  readonly authorization: string | undefined;
  /** The URL with the scheme ws or wss and without user name and password, for connecting. */
  readonly href: string;
  /** The URL for display: like {@link href}, but credentials in the query are replaced by `***`. */
  readonly display: string;
}

const isSecureScheme: ReadonlyMap<string, boolean> = new Map([
  ["ws", false],
  ["wss", true],
  ["http", false],
  ["https", true],
]);

/**
 * Parses a WebSocket URL. The schemes `http:` and `https:` mean `ws:` and `wss:`.
 *
 * @throws TypeError if the value is not an absolute URL with one of these schemes and a host, if it has a fragment (RFC
 *   6455 3), or if it contains spaces or control characters. The message shows the value without its credentials.
 */
export function parseUri(input: string | URL): WebSocketUri {
  const text: unknown = input instanceof URL ? input.href : input;
  if (typeof text !== "string") throw invalid(String(text), "it must be a string or a URL");
  const isSecure = checkText(text);
  const url = new URL(text);
  const authorization = basicAuthorization(url, text);
  url.username = "";
  url.password = "";
  url.protocol = isSecure ? "wss:" : "ws:";
  const { href, host, hostname, port, origin } = url;
  return {
    isSecure,
    host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: port === "" ? (isSecure ? 443 : 80) : Number(port),
    hostHeader: host,
    resource: href.slice(origin.length),
    authorization,
    href,
    display: displayUrl(href),
  };
}

/** Returns a host as it is written before a port. */
export function withBrackets(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Rejects input that `new URL` would silently correct. Returns whether the scheme is a secure one. */
function checkText(text: string): boolean {
  if (/[\p{Cc} ]/u.test(text)) throw invalid(text, "a space or a control character must be percent-encoded");
  const [, scheme, authority] = /^([a-z][a-z\d+.-]*):\/\/([^/?#\\]*)/i.exec(text) ?? [];
  if (scheme === undefined || authority === undefined) {
    throw invalid(text, "it must be absolute, such as wss://example.com/path");
  }
  const isSecure = isSecureScheme.get(scheme.toLowerCase());
  if (isSecure === undefined) throw invalid(text, "its scheme must be ws or wss (or http, https)");
  // RFC 6455 3: a fragment must not be used, not even an empty one.
  if (text.includes("#"))
    throw invalid(text, "it has a fragment; encode a # that is part of the path or query as %23");
  if (/^(?:.*@)?(?::\d*)?$/.test(authority)) throw invalid(text, "it has no host");
  if (!URL.canParse(text)) throw invalid(text, "check its host and port");
  return isSecure;
}

function invalid(text: string, reason: string): TypeError {
  return new TypeError(`Invalid url "${displayUrl(text)}": ${reason}.`);
}

function basicAuthorization(url: URL, text: string): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const user = percentDecode(url.username);
  // RFC 7617 2: the first colon ends the user name, so a user name cannot contain one.
  if (user.includes(":"))
    throw invalid(text, "a user name with a colon in it cannot be sent as Basic authentication");
  const credentials = Buffer.from(`${user}:${percentDecode(url.password)}`, "latin1");
  return `Basic ${credentials.toString("base64")}`;
}

/** Decodes ASCII text to one character per byte. */
function percentDecode(text: string): string {
  return text.replace(/%([\da-f]{2})/gi, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * Makes a URL, valid or not, safe for events, errors and logs. Removes user name, password and fragment, replaces the
 * values of query parameters that look like credentials by `***`, and escapes control characters.
 */
export function displayUrl(text: string): string {
  return escapeControls(withoutCredentials(withoutUserinfo(text)));
}

/** A semicolon begins a parameter too, but does not end the value of a credential, which may contain semicolons. */
function withoutCredentials(text: string): string {
  const parameter = /[?&;#]([^?&;#=]*)=/g;
  const end = /[&#]|$/g;
  let result = "";
  let done = 0;
  for (let match = parameter.exec(text); match !== null; match = parameter.exec(text)) {
    if (!isCredentialName(percentDecode(match[1]!))) continue;
    result += `${text.slice(done, parameter.lastIndex)}***`;
    end.lastIndex = parameter.lastIndex;
    done = end.exec(text)!.index;
    parameter.lastIndex = done;
  }
  return result + text.slice(done);
}

function withoutUserinfo(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.host !== "") {
    url.username = "";
    url.password = "";
    if (url.hash !== "") url.hash = "***";
    return url.href;
  }
  if (/^[/\\](?![/\\])/.test(text)) return text;
  // The end of the authority of an invalid URL is unknown, because a password may contain any character.
  const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(text)?.[0] ?? "";
  return text.includes("@") ? scheme + text.slice(text.lastIndexOf("@") + 1) : text;
}

/** Parts of a parameter name that only credentials have, at any position. */
const credentialPart =
  /token|secret|pass(?:w|phrase|code)|signature|credential|ticket|jwt|session|bearer|authori[sz]|authenti/;

/**
 * Names of credentials if they are a whole word or its end: `api_key`, `streamKey`, `oauth`; not `keyframe`,
 * `author`.
 */
const credentialWord = /(?:key|keys|auth|\b(?:sig|sid|code|pass|pwd|pin|otp|hmac))\d*\b/;

function isCredentialName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/[^a-z\d]+/gi, " ")
    .toLowerCase();
  // A name may mix capitals and small letters: `ToKeN` is one word, not three.
  return credentialPart.test(name.toLowerCase()) || credentialPart.test(words) || credentialWord.test(words);
}
