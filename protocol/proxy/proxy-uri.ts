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

/** `socks5h` is the name that curl gives to a SOCKS5 proxy that resolves names. Here, every SOCKS5 proxy does. */
const kinds: ReadonlyMap<string, readonly [ProxyUri["kind"], defaultPort: number]> = new Map([
  ["http", ["http", 80]],
  ["https", ["https", 443]],
  ["socks5", ["socks5", 1080]],
  ["socks5h", ["socks5", 1080]],
  ["socks", ["socks5", 1080]],
]);

/** RFC 1929 2: the lengths of user name and password are one byte each. */
const maxSocksCredential = 255;

/**
 * Parses the URL of a proxy, such as `http://user:password@proxy.example:3128`. Without a scheme, `http:` is assumed.
 * A path is ignored.
 *
 * @throws TypeError if the text is not such a URL. The message does not show it, because it may contain a password.
 */
export function parseProxy(text: string): ProxyUri {
  const [, scheme = "http", rest = ""] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*)$/is.exec(text)!;
  const found = kinds.get(scheme.toLowerCase());
  if (found === undefined)
    throw new TypeError("A proxy url must have the scheme http, https or socks5 (or socks5h, socks).");
  // Only the schemes that the URL standard calls special have a host that it checks.
  const special = `http://${rest}`;
  if (/[\p{Cc} ]/u.test(text) || !URL.canParse(special))
    throw new TypeError("A proxy url must be like http://user:password@proxy.example:3128.");
  const [kind, defaultPort] = found;
  const { hostname, port, username, password } = new URL(special);
  const host = hostname.replace(/^\[|\]$/g, "");
  const number = port !== "" ? Number(port) : /^[^/?#\\]*:0*80(?:[/?#\\]|$)/.test(rest) ? 80 : defaultPort;
  const credentials =
    username === "" && password === ""
      ? undefined
      : { user: percentDecode(username), password: percentDecode(password) };
  if (credentials !== undefined) checkCredentials(kind, credentials);
  return { kind, host, port: number, credentials, display: `${kind}://${withBrackets(host)}:${number}` };
}

function checkCredentials(
  kind: ProxyUri["kind"],
  { user, password }: NonNullable<ProxyUri["credentials"]>,
): void {
  if (kind !== "socks5") {
    // RFC 7617 2: the first colon ends the user name.
    if (user.includes(":")) throw new TypeError("The user name in a proxy url must not contain a colon.");
    return;
  }
  if (user === "" || user.length > maxSocksCredential || password.length > maxSocksCredential)
    throw new TypeError("The user name and the password in a socks5 url must have 1 to 255 bytes each.");
}
