/** Reads the address and the subprotocols of the constructor. It does not connect. */
import { unescape } from "node:querystring";

/** Where to connect. */
export interface Address {
  /** The address as the property `url` shows it, with a user and a password. */
  readonly href: string;
  /** The address for the client, without a user and a password. */
  readonly url: URL;
  readonly isSecure: boolean;
  /** The path of the Unix socket of an address with the scheme `ws+unix:`. */
  readonly socketPath: string | undefined;
  /** `user:password` of the address. */
  readonly auth: string | undefined;
}

/**
 * @param base - The address that redirected to this one.
 * @throws SyntaxError for an address that is not a URL, or has a scheme or fragment that is not possible.
 */
export function readAddress(address: unknown, base?: string): Address {
  const parsed = parse(address, base);
  if (parsed.protocol === "http:") parsed.protocol = "ws:";
  if (parsed.protocol === "https:") parsed.protocol = "wss:";
  const { href, protocol, username, password } = parsed;
  const isLocal = protocol === "ws+unix:";
  if (protocol !== "ws:" && protocol !== "wss:" && !isLocal)
    throw new SyntaxError(
      `The URL's protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"`,
    );
  if (isLocal && parsed.pathname === "") throw new SyntaxError("The URL's pathname is empty");
  if (parsed.hash !== "") throw new SyntaxError("The URL contains a fragment identifier");
  const auth = username + password === "" ? undefined : `${unescape(username)}:${unescape(password)}`;
  if (isLocal) return { href, auth, isSecure: false, ...localAddress(parsed) };
  const url = new URL(parsed);
  url.username = url.password = "";
  return { href, auth, isSecure: protocol === "wss:", url, socketPath: undefined };
}

function parse(address: unknown, base: string | undefined): URL {
  try {
    return new URL(address instanceof URL ? address.href : String(address), base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${String(address)}`);
  }
}

/** `ws+unix:/path/of/socket:/path/of/request?query` */
function localAddress({ pathname, search }: URL): Pick<Address, "url" | "socketPath"> {
  const path = pathname + search;
  const end = path.indexOf(":");
  const request = end === -1 ? "/" : path.slice(end + 1);
  return {
    socketPath: end === -1 ? path : path.slice(0, end),
    url: new URL(`ws://localhost${request.startsWith("/") ? "" : "/"}${request}`),
  };
}

/** RFC 9110 5.6.2: a subprotocol is a token. */
const token = /^[!#$%&'*+\-.0-9A-Z^_`|a-z~]+$/;

/** @throws SyntaxError if a subprotocol is not a token, or is repeated. */
export function readProtocols(protocols: unknown): readonly string[] {
  if (protocols === undefined) return [];
  const given: readonly unknown[] = Array.isArray(protocols) ? protocols : [protocols];
  const isValid = given.every((one) => typeof one === "string" && token.test(one));
  if (!isValid || new Set(given).size !== given.length)
    throw new SyntaxError("An invalid or duplicated subprotocol was specified");
  return given as readonly string[];
}
