// Writes the HTTP request of a client's opening handshake.
import type { HeaderField } from "../errors.js";
import type { ExtensionOffer } from "../extensions/extension.js";
import { fieldValues } from "../http/header-fields.js";
import { writeHead } from "../http/head-writer.js";
import { isToken } from "../http/tokens.js";
import type { WebSocketUri } from "../uri.js";
import { checkUserFields } from "./user-fields.js";

/** The content of a client's request. */
export interface ClientRequest {
  readonly uri: WebSocketUri;
  /** The user's header fields. They are sent in this order and spelling, with repeats. */
  readonly headers: readonly HeaderField[];
  /** In order of preference. */
  readonly subprotocols: readonly string[];
  /** In order of preference. */
  readonly offers: readonly ExtensionOffer[];
}

const keyLine = "\r\nSec-WebSocket-Key: ";
/** Length of 16 bytes in base64. */
const keyLength = 24;

/** A checked request without its key. A repeated request only needs a copy of it with a new key. */
export class RequestTemplate {
  readonly #bytes: Buffer;
  readonly #keyOffset: number;

  /** @throws TypeError like {@link writeClientRequest}. */
  constructor(request: ClientRequest) {
    this.#bytes = writeClientRequest(request, "=".repeat(keyLength));
    // The search is safe: a field value contains no line end, and a user's field cannot have this name.
    this.#keyOffset = this.#bytes.indexOf(keyLine) + keyLine.length;
  }

  write(key: string): Buffer {
    const bytes = Buffer.from(this.#bytes);
    bytes.write(key, this.#keyOffset, keyLength, "latin1");
    return bytes;
  }
}

/**
 * Returns the bytes of a client's request (RFC 6455 4.1).
 *
 * @throws TypeError if the request would not be valid. The message contains no header values.
 */
export function writeClientRequest(request: ClientRequest, key: string): Buffer {
  const { uri, headers, subprotocols, offers } = request;
  checkUserFields(headers);
  checkSubprotocols(subprotocols);
  if (!/^\/[!-~]*$/.test(uri.resource)) {
    throw new TypeError("The resource of the url must begin with a slash and be percent-encoded.");
  }
  const fields: HeaderField[] = [
    hostField(request),
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

function hostField({ uri, headers }: ClientRequest): HeaderField {
  const [given, ...others] = headers.filter(isHost);
  // RFC 9112 3.2: a server rejects a request with more than one Host.
  if (others.length > 0)
    throw new TypeError(`Header "Host" is given more than once. A request has exactly one.`);
  return given ?? ["Host", uri.hostHeader];
}

function isHost([name]: HeaderField): boolean {
  return name.toLowerCase() === "host";
}

/** The errors name the position, not the subprotocol: some services use a subprotocol for a credential. */
function checkSubprotocols(subprotocols: readonly string[]): void {
  const known = new Set<string>();
  for (const [index, subprotocol] of subprotocols.entries()) {
    // RFC 6455 4.1: subprotocols are tokens, and each one is unique.
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
