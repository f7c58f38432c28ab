// Parses WebSocket URLs. This module does not resolve host names.
import { displayUrl } from "./display/display-url.js";
import { percentDecode } from "./percent-decode.js";

/** The parts of a URL that a client needs. */
export interface WebSocketUri {
  /** Whether the connection uses TLS (RFC 6455 3). `true` for the scheme wss. */
  readonly isSecure: boolean;
  /** Host name or address to connect to. An IPv6 address has no brackets here. */
  readonly host: string;
  readonly port: number;
  /**
   * Value of the Host header. An IPv6 address has brackets here. The default port of the scheme is omitted (RFC 6455
   * 4.1).
   */
  readonly hostHeader: string;
  /** Path and query for the request line. RFC 6455 3 calls them the resource name. */
  readonly resource: string;
  /** Value of the Authorization header (RFC 7617). `undefined` if the URL has neither user name nor password. */
  readonly authorization: string | undefined;
  /** The URL for connecting. Its scheme is ws or wss, and it has no user name and no password. */
  readonly href: string;
  /** The URL for display: {@link href} with `***` in place of everything that may be a credential. */
  readonly display: string;
}

/**
 * Parses a WebSocket URL. The schemes `http:` and `https:` mean `ws:` and `wss:`.
 *
 * @throws TypeError if the value is not an absolute URL with one of these schemes and a host, or if the value contains
 *   a fragment (RFC 6455 3), a space or a control character. The error message shows the value without its credentials.
 */
export function parseUri(input: string | URL): WebSocketUri {
  const text: unknown = input instanceof URL ? input.href : input;
  if (typeof text !== "string") throw invalid(String(text), "it must be a string or a URL");
  checkText(text);
  const url = new URL(text);
  const isSecure = url.protocol === "wss:" || url.protocol === "https:";
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

/** Throws if `text` is not a valid WebSocket URL. `new URL` would silently correct some invalid URLs. */
function checkText(text: string): void {
  if (/[\p{Cc} ]/u.test(text)) throw invalid(text, "a space or a control character must be percent-encoded");
  const [, scheme, authority] = /^([a-z][a-z\d+.-]*):\/\/([^/?#\\]*)/i.exec(text) ?? [];
  if (scheme === undefined || authority === undefined) {
    throw invalid(text, "it must be absolute, such as wss://example.com/path");
  }
  if (!/^(?:ws|http)s?$/i.test(scheme)) throw invalid(text, "its scheme must be ws or wss (or http, https)");
  // RFC 6455 3: a WebSocket URL must not have a fragment, not even an empty fragment.
  if (text.includes("#"))
    throw invalid(text, "it has a fragment; encode a # that is part of the path or query as %23");
  if (/^(?:.*@)?(?::\d*)?$/.test(authority)) throw invalid(text, "it has no host");
  if (!URL.canParse(text)) throw invalid(text, "check its host and port");
}

function invalid(text: string, reason: string): TypeError {
  return new TypeError(`Invalid url "${displayUrl(text)}": ${reason}.`);
}

function basicAuthorization(url: URL, text: string): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const user = percentDecode(url.username);
  // RFC 7617 2: the first colon ends the user name, so a user name cannot contain a colon.
  if (user.includes(":"))
    throw invalid(text, "a user name with a colon in it cannot be sent as Basic authentication");
  return basicCredentials(user, percentDecode(url.password));
}

/** Returns the value of an Authorization header (RFC 7617 2). */
export function basicCredentials(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "latin1").toString("base64")}`;
}
