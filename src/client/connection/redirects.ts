/** Computes the request that follows a redirect, and refuses unsafe redirects. It does not send requests. */
import {
  bareUrl,
  HandshakeError,
  type HeaderField,
  looksRandom,
  parseUri,
  unmasked,
  type WebSocketUri,
} from "../../../protocol/index.js";
import type { TransportTarget } from "../../runtime/transport.js";
import { isSecretField, isSecretSubprotocol, type SentValues } from "../../redaction/sent-secrets.js";

/** A longer subprotocol is taken for a token. */
const maxNameLength = 32;

/** True if the server refused the handshake by a redirect that names another URL for a GET request (RFC 9110 15.4). */
export function isRedirect(error: Error | undefined): error is HandshakeError {
  if (!(error instanceof HandshakeError) || error.code !== "UNEXPECTED_STATUS") return false;
  return /^30[12378]$/.test(String(error.statusCode));
}

/**
 * Returns the values of the next request. Across origins it has no credentials.
 *
 * @param error - A redirect.
 * @param visited - The URLs of the earlier requests. The function adds the URL of this request.
 * @param limit - The maximum number of redirects.
 * @throws HandshakeError if the redirect must not be followed.
 */
export function followRedirect(
  { uri: from, headers, subprotocols }: SentValues,
  error: HandshakeError,
  visited: Set<string>,
  limit: number,
): Omit<SentValues, "uri"> & { readonly url: string } {
  visited.add(from.href);
  const to = targetOf(from, error);
  const url = to.href;
  if (from.isSecure && !to.isSecure)
    throw refusal("REDIRECT_INSECURE", error, `to ${to.display}, which is not encrypted`);
  if (visited.has(url)) throw refusal("REDIRECT_LOOP", error, `back to ${to.display}`);
  if (visited.size > limit)
    throw refusal("TOO_MANY_REDIRECTS", error, `more often than ${limit} times (followRedirects)`);
  if (isSameOrigin(from, to)) {
    const { authorization } = from;
    // A field of the application takes precedence over the user name and the password of the URL.
    const isGiven = headers.some(([name]) => /^authorization$/i.test(name));
    const isAdded = authorization !== undefined && !isGiven;
    return { url, headers: isAdded ? [...headers, ["Authorization", authorization]] : headers, subprotocols };
  }
  return {
    url,
    headers: headers.filter(
      (field) => !/^host$/i.test(field[0]) && !isSecretField(field) && !isSecretValue(field),
    ),
    subprotocols: subprotocols.filter(
      (name, index) => name.length <= maxNameLength && !isSecretSubprotocol(subprotocols, index),
    ),
  };
}

export function isSameOrigin(one: WebSocketUri, other: WebSocketUri): boolean {
  return one.isSecure === other.isSecure && one.host === other.host && one.port === other.port;
}

/** A field with an unknown name may contain a credential too. */
function isSecretValue([, value]: HeaderField): boolean {
  return looksRandom(value) || /^(?:basic|bearer|digest|token) /i.test(value);
}

/** The TLS options that identify the client or name the first server. */
const identity =
  /^(?:cert|key|pfx|passphrase|servername|session|secureContext|pskCallback|clientCertEngine|privateKey\w+)$/;

export function withoutIdentity(tls: TransportTarget["tls"]): TransportTarget["tls"] {
  return tls && Object.fromEntries(Object.entries(tls).filter(([name]) => !identity.test(name)));
}

/** @throws HandshakeError if the response names no valid URL. User name, password and fragment are removed. */
function targetOf(from: WebSocketUri, error: HandshakeError): WebSocketUri {
  const fields = unmasked(error.headers).filter(([name]) => /^location$/i.test(name));
  // RFC 9110 10.2.2: the field has one value. With two of them, a proxy may have checked the other one.
  const [location, ...others] = new Set(fields.map(([, value]) => value));
  try {
    if (location !== undefined && others.length === 0)
      return parseUri(bareUrl(new URL(location, from.href).href));
  } catch {
    // The value is not a URL.
  }
  throw refusal("REDIRECT_INVALID", error, "without a valid URL in its Location header");
}

function refusal(code: string, { statusCode, headers }: HandshakeError, where: string): HandshakeError {
  return new HandshakeError(`The server redirects ${where}. The redirect is not followed.`, {
    ...{ code, statusCode, headers },
  });
}
