/** Computes the request that follows a redirect, and refuses unsafe redirects. It does not send requests. */
import {
  HandshakeError,
  type HeaderField,
  looksRandom,
  parseUri,
  unmasked,
  type WebSocketUri,
} from "../../../protocol/index.js";
import type { TransportTarget } from "../../runtime/transport.js";
import { readHeaderFields } from "../../options/header-fields.js";
import { isSecretField, isSecretSubprotocol } from "../../redaction/sent-secrets.js";
import { type RequestValues, subprotocolList } from "./request.js";

/** The redirects of RFC 9110 15.4 that name another URL for a GET request. */
const redirectStatuses: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/** A longer subprotocol is taken for a token. */
const maxNameLength = 32;

/** True if the server refused the handshake by a redirect. */
export function isRedirect(error: Error | undefined): error is HandshakeError {
  return (
    error instanceof HandshakeError &&
    error.code === "UNEXPECTED_STATUS" &&
    redirectStatuses.has(error.statusCode)
  );
}

/** Follows the redirects of one attempt. */
export class Redirects {
  readonly #limit: number;
  readonly #visited: Set<string> = new Set();

  /** @param limit - The maximum number of redirects. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Returns the values of the next request. Across origins it has no credentials.
   * @param error - A redirect.
   * @throws HandshakeError if the redirect must not be followed.
   */
  next(values: RequestValues, from: WebSocketUri, error: HandshakeError): RequestValues {
    this.#visited.add(from.href);
    const to = targetOf(from, error);
    if (from.isSecure && !to.isSecure)
      throw refusal("REDIRECT_INSECURE", error, `to ${to.display}, which is not encrypted`);
    if (this.#visited.has(to.href)) throw refusal("REDIRECT_LOOP", error, `back to ${to.display}`);
    if (this.#visited.size > this.#limit)
      throw refusal("TOO_MANY_REDIRECTS", error, `more often than ${this.#limit} times (followRedirects)`);
    if (isSameOrigin(from, to)) {
      const { username, password } = new URL(values.url);
      return { ...values, url: Object.assign(new URL(to.href), { username, password }) };
    }
    const headers = readHeaderFields("headers", values.headers).filter(
      (field) => field[0].toLowerCase() !== "host" && !isSecretField(field) && !isSecretValue(field),
    );
    const names = subprotocolList(values.subprotocols);
    const subprotocols = names.filter(
      (name, index) => name.length <= maxNameLength && !isSecretSubprotocol(names, index),
    );
    return { ...values, url: to.href, headers, subprotocols };
  }
}

export function isSameOrigin(one: WebSocketUri, other: WebSocketUri): boolean {
  return one.isSecure === other.isSecure && one.host === other.host && one.port === other.port;
}

/** A field with an unknown name may contain a credential too. */
function isSecretValue([, value]: HeaderField): boolean {
  return looksRandom(value) || /^(?:basic|bearer|digest|token) /i.test(value);
}

/** The options of TLS that identify the client or name the first server. */
const identityOptions =
  /^(cert|key|pfx|passphrase|servername|session|secureContext|pskCallback|clientCertEngine|privateKey\w+)$/;

/** Removes the options that identify the client or name the first server. */
export function withoutIdentity(tls: TransportTarget["tls"]): TransportTarget["tls"] {
  if (tls === undefined) return undefined;
  return Object.fromEntries(Object.entries(tls).filter(([name]) => !identityOptions.test(name)));
}

/** @throws HandshakeError if the response names no valid URL. User name, password and fragment are removed. */
function targetOf(from: WebSocketUri, error: HandshakeError): WebSocketUri {
  // RFC 9110 10.2.2: the field has one value. With two of them, a proxy may have checked the other one.
  const fields = unmasked(error.headers).filter(([name]) => name.toLowerCase() === "location");
  const [location, ...others] = new Set(fields.map(([, value]) => value));
  const base = from.href.replace(/^ws/, "http");
  if (location === undefined || others.length > 0 || !URL.canParse(location, base))
    throw refusal("REDIRECT_INVALID", error, "without a valid Location header");
  const url = new URL(location, base);
  url.username = "";
  url.password = "";
  url.hash = "";
  try {
    return parseUri(url);
  } catch {
    throw refusal("REDIRECT_INVALID", error, "to a url that is not ws, wss, http or https");
  }
}

function refusal(code: string, { statusCode, headers }: HandshakeError, where: string): HandshakeError {
  return new HandshakeError(`The server redirects ${where}. The redirect is not followed.`, {
    ...{ code, statusCode, headers },
  });
}
