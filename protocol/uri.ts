import { escapeControls } from "./escape-controls.js";

/** What a client needs to know of a url, in the forms in which it is needed. */
export interface WebSocketUri {
  /** `true` for wss: the connection runs over TLS (RFC 6455 3). */
  readonly isSecure: boolean;
  /** A name or an address to connect to, IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
  /** The value of the Host header: IPv6 in brackets, the port only where it is not the scheme's own (RFC 6455 4.1). */
  readonly hostHeader: string;
  /** Path and query as the request line carries them (RFC 6455 3: the resource name). */
  readonly resource: string;
  /** `Basic …` from the userinfo of the url (RFC 7617), `undefined` where it has none. */
  readonly authorization: string | undefined;
  /** The url with the scheme ws or wss and without userinfo; for use. */
  readonly href: string;
  /** The url for people: as {@link href}, with `***` in the place of credentials in the query. */
  readonly display: string;
}

const isSecureScheme: ReadonlyMap<string, boolean> = new Map([
  ["ws", false],
  ["wss", true],
  ["http", false],
  ["https", true],
]);

/**
 * Reads a WebSocket url; `http:` and `https:` mean `ws:` and `wss:`.
 *
 * @throws TypeError, which shows the value without its credentials, for all that is no absolute url with one of
 *   these schemes and a host, for a fragment (RFC 6455 3), and for spaces and control characters.
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

/** Refuses what a URL would mend in silence; answers whether the scheme is a secure one. */
function checkText(text: string): boolean {
  if (/[\p{Cc} ]/u.test(text)) throw invalid(text, "a space or a control character must be percent-encoded");
  const [, scheme, authority] = /^([a-z][a-z\d+.-]*):\/\/([^/?#\\]*)/i.exec(text) ?? [];
  if (scheme === undefined || authority === undefined) {
    throw invalid(text, "it must be absolute, such as wss://example.com/path");
  }
  const isSecure = isSecureScheme.get(scheme.toLowerCase());
  if (isSecure === undefined) throw invalid(text, "its scheme must be ws or wss (or http, https)");
  // RFC 6455 3: a fragment, even an empty one, must not be used.
  if (text.includes("#")) throw invalid(text, "it has a fragment; write a # that belongs to it as %23");
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
  // RFC 7617 2: the first colon ends the user name.
  if (user.includes(":"))
    throw invalid(text, "a user name with a colon in it cannot be sent as Basic authentication");
  const credentials = Buffer.from(`${user}:${percentDecode(url.password)}`, "latin1");
  return `Basic ${credentials.toString("base64")}`;
}

/** One character for each byte behind `text`, which is ASCII. */
function percentDecode(text: string): string {
  return text.replace(/%([\da-f]{2})/gi, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * Makes a url, or what was meant to be one, fit for events, errors and logs: userinfo and fragment removed, the
 * values of query parameters that look like credentials replaced by `***`, control characters escaped.
 */
export function displayUrl(text: string): string {
  const shown = withoutUserinfo(text).replace(
    /([?&#])([^?&#=]*)=[^&#]*/g,
    (pair, separator: string, name: string) =>
      isCredentialName(percentDecode(name)) ? `${separator}${name}=***` : pair,
  );
  return escapeControls(shown);
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
  // Nobody knows where the authority of a broken url ends: a password may hold any character.
  const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(text)?.[0] ?? "";
  return text.includes("@") ? scheme + text.slice(text.lastIndexOf("@") + 1) : text;
}

/** Parts of a name that only credentials have, wherever they stand in it. */
const credentialPart =
  /token|secret|pass(?:w|phrase|code)|signature|credential|ticket|jwt|session|bearer|authori[sz]|authenti/;

/**
 * What must be a word of its own, or the end of one: `api_key`, `streamKey`, `oauth`, but not `keyframe` or `author`.
 */
const credentialWord = /(?:key|keys|auth|\b(?:sig|sid|code|pass|pwd|pin|otp|hmac))\d*\b/;

function isCredentialName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/[^a-z\d]+/gi, " ")
    .toLowerCase();
  return credentialPart.test(words) || credentialWord.test(words);
}
