// Writes the HTTP request of a client's opening handshake.
import type { HeaderField } from "../errors.js";
import type { ExtensionOffer } from "../extensions/extension.js";
import { fieldValues } from "../http/header-fields.js";
import { writeHead } from "../http/head-writer.js";
import { isToken } from "../http/tokens.js";
import type { WebSocketUri } from "../uri.js";
import { checkUserFields } from "./user-fields.js";

/** The options that determine the request of a client. */
export interface ClientRequestOptions {
  /** The parsed url, from `parseUri`. */
  readonly uri: WebSocketUri;
  /**
   * Header fields to add. They are sent in the given order and spelling, with repeats. `Host` may be replaced.
   * `Upgrade`, `Connection`, `Sec-WebSocket-*`, `Content-Length` and `Transfer-Encoding` are not allowed.
   */
  readonly headers?: readonly HeaderField[] | undefined;
  /** Subprotocols in order of preference. Default: none. */
  readonly subprotocols?: readonly string[] | undefined;
  /** Offered extensions in order of preference. Default: none. */
  readonly offers?: readonly ExtensionOffer[] | undefined;
}

const keyLine = "\r\nSec-WebSocket-Key: ";

/** Returns a copy of a request with another key. This takes less time than to check and write the request again. */
export function withKey(request: Buffer, key: string): Buffer {
  const copy = Buffer.from(request);
  // The first match is the key of the handshake: no value contains a line end, and users cannot add this field.
  copy.write(key, request.indexOf(keyLine) + keyLine.length, "latin1");
  return copy;
}

/**
 * Returns the bytes of a client's request (RFC 6455 4.1).
 *
 * @throws TypeError if the request would not be valid. The message contains no header values.
 */
export function writeClientRequest(options: ClientRequestOptions, key: string): Buffer {
  const { uri, headers = [], subprotocols = [], offers = [] } = options;
  checkUserFields(headers);
  checkSubprotocols(subprotocols);
  if (!/^\/[!-~]*$/.test(uri.resource)) {
    throw new TypeError("The resource of the url must begin with a slash and be percent-encoded.");
  }
  const [host = ["Host", uri.hostHeader], ...otherHosts] = headers.filter(isHost);
  // RFC 9112 3.2: a server rejects a request with more than one Host.
  if (otherHosts.length > 0) {
    throw new TypeError(`Header "Host" is given more than once. A request has exactly one.`);
  }
  const fields: HeaderField[] = [
    host,
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", "13"],
  ];
  if (subprotocols.length > 0) fields.push(["Sec-WebSocket-Protocol", subprotocols.join(", ")]);
  if (offers.length > 0)
    fields.push(["Sec-WebSocket-Extensions", offers.map(({ header }) => header).join(", ")]);
  if (uri.authorization !== undefined && fieldValues(headers, "authorization").length === 0) {
    fields.push(["Authorization", uri.authorization]);
  }
  fields.push(...headers.filter((field) => !isHost(field)));
  return writeHead(`GET ${uri.resource} HTTP/1.1`, fields);
}

function isHost([name]: HeaderField): boolean {
  return name.toLowerCase() === "host";
}

/** The errors contain the position of a subprotocol, not its text: some services use a subprotocol for a credential. */
function checkSubprotocols(subprotocols: readonly string[]): void {
  const known = new Set<string>();
  for (const [index, subprotocol] of subprotocols.entries()) {
    // RFC 6455 4.1: subprotocols are tokens, and each of them is unique.
    if (typeof subprotocol !== "string" || !isToken(subprotocol)) {
      throw new TypeError(
        `Subprotocol ${index + 1} of ${subprotocols.length} is not a token. Use only letters, digits and !#$%&'*+-.^_\`|~.`,
      );
    }
    if (known.has(subprotocol)) {
      throw new TypeError(`Subprotocol ${index + 1} of ${subprotocols.length} repeats an earlier one.`);
    }
    known.add(subprotocol);
  }
}
