import type { HeaderField } from "../errors.js";
import type { ExtensionOffer } from "../extensions/extension.js";
import { fieldValues } from "../http/header-fields.js";
import { writeHead } from "../http/head-writer.js";
import { isToken } from "../http/tokens.js";
import type { WebSocketUri } from "../uri.js";
import { checkUserFields } from "./user-fields.js";

/** What the client asks for. */
export interface ClientRequest {
  readonly uri: WebSocketUri;
  /** Header fields of the user's own; they reach the wire in their order and spelling, with repeats. */
  readonly headers: readonly HeaderField[];
  /** In the order of preference. */
  readonly subprotocols: readonly string[];
  /** In the order of preference. */
  readonly offers: readonly ExtensionOffer[];
}

const keyLine = "\r\nSec-WebSocket-Key: ";
/** 16 bytes in base64. */
const keyLength = 24;

/** A request that is checked and written but for its key: to ask for the same again takes a copy of it. */
export class RequestTemplate {
  readonly #bytes: Buffer;
  readonly #keyAt: number;

  /** @throws as {@link writeClientRequest}. */
  constructor(request: ClientRequest) {
    this.#bytes = writeClientRequest(request, "=".repeat(keyLength));
    // No value of a field holds a line end, and no field of the user's has this name.
    this.#keyAt = this.#bytes.indexOf(keyLine) + keyLine.length;
  }

  write(key: string): Buffer {
    const bytes = Buffer.from(this.#bytes);
    bytes.write(key, this.#keyAt, keyLength, "latin1");
    return bytes;
  }
}

/**
 * The client's half of the opening handshake as it goes on the wire (RFC 6455 4.1).
 *
 * @throws TypeError for what would not make a valid request; it shows no values.
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
  // RFC 9112 3.2: a request with more than one Host is refused by every server.
  if (others.length > 0) throw new TypeError(`Header "Host" is given more than once; a request has one.`);
  return given ?? ["Host", uri.hostHeader];
}

function isHost([name]: HeaderField): boolean {
  return name.toLowerCase() === "host";
}

/** Names the position alone, for some services take a credential as a subprotocol. */
function checkSubprotocols(subprotocols: readonly string[]): void {
  const known = new Set<string>();
  for (const [index, subprotocol] of subprotocols.entries()) {
    // RFC 6455 4.1: the elements are tokens, and all different.
    if (typeof subprotocol !== "string" || !isToken(subprotocol)) {
      throw new TypeError(
        `Subprotocol ${index + 1} of ${subprotocols.length} is no token (letters, digits and !#$%&'*+-.^_\`|~).`,
      );
    }
    if (known.has(subprotocol)) {
      throw new TypeError(`Subprotocol ${index + 1} of ${subprotocols.length} repeats an earlier one.`);
    }
    known.add(subprotocol);
  }
}
