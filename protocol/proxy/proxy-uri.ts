// Parses the URL of a proxy. It does not choose a proxy and does not resolve host names.
import { percentDecode } from "../percent-decode.js";
import { withBrackets } from "../uri.js";

/** The address of a proxy and the credentials for it. */
export interface ProxyUri {
  /** `http` and `https`: HTTP CONNECT (RFC 9110 9.3.6), for `https` over TLS. `socks5`: RFC 1928. */
  readonly kind: "http" | "https" | "socks5";
  /** A host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** User name and password, one character per byte; `undefined` if the URL has none. */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  /** The URL without user name and password. */
  readonly display: string;
}

/** The default ports. `socks5h` is the name that curl gives to a proxy that resolves names. Here, every SOCKS5 proxy does. */
const defaultPorts: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  socks5: 1080,
  socks5h: 1080,
  socks: 1080,
};

/** RFC 1929 2: the lengths of user name and password are one byte each. */
const maxSocksCredential = 255;

/**
 * Parses the URL of a proxy, such as `http://user:password@proxy.example:3128`. Without a scheme, `http:` is assumed.
 * A path is ignored.
 *
 * @throws TypeError if the text is not such a URL. The message does not show it, because it may contain a password.
 */
export function parseProxy(text: string): ProxyUri {
  const url = text.includes("://") ? text : `http://${text}`;
  if (/[\p{Cc} ]/u.test(text) || !URL.canParse(url))
    throw invalid("must be like http://user:password@proxy.example:3128");
  const { protocol, hostname, port, username, password } = new URL(url);
  const scheme = protocol.slice(0, -1);
  const defaultPort = Object.hasOwn(defaultPorts, scheme) ? defaultPorts[scheme] : undefined;
  if (defaultPort === undefined || hostname === "")
    throw invalid("must have the scheme http, https or socks5 (or socks5h, socks), and a host");
  const kind = scheme.startsWith("socks") ? "socks5" : (scheme as "http" | "https");
  const host = hostname.replace(/^\[|\]$/g, "");
  const number = Number(port || defaultPort);
  const credentials = { user: percentDecode(username), password: percentDecode(password) };
  const hasCredentials = username !== "" || password !== "";
  if (hasCredentials) checkCredentials(kind, credentials);
  return {
    ...{ kind, host, port: number, credentials: hasCredentials ? credentials : undefined },
    display: `${kind}://${withBrackets(host)}:${number}`,
  };
}

function checkCredentials(
  kind: ProxyUri["kind"],
  { user, password }: NonNullable<ProxyUri["credentials"]>,
): void {
  // RFC 7617 2: the first colon ends the user name.
  if (kind !== "socks5" && user.includes(":")) throw invalid("must have a user name without a colon");
  if (kind === "socks5" && [user, password].some(({ length }) => length < 1 || length > maxSocksCredential))
    throw invalid("with the scheme socks5 must have a user name and a password of 1 to 255 bytes");
}

function invalid(reason: string): TypeError {
  return new TypeError(`A proxy url ${reason}.`);
}
