import { HandshakeError, JetSocketError, type HeaderField } from "../errors.js";
import type { AgreedExtension, ExtensionAcceptor, ExtensionElement } from "../extensions/extension.js";
import { checkField } from "../http/header-fields.js";
import { HeadParser, type HeadLimits } from "../http/head-parser.js";
import { writeHead } from "../http/head-writer.js";
import { parseRequestLine, type RequestLine } from "../http/start-line.js";
import { statusText } from "../http/status-text.js";
import { ownOptions } from "../own-options.js";
import { acceptKey } from "./accept-key.js";
import { checkRequest, type ServerRequest, type ValidRequest } from "./server-request.js";
import { checkUserFields, isBodyField } from "./user-fields.js";

/** What has become of a client's opening handshake. */
export type RequestResult =
  | {
      /** It is valid: answer it with `accept` or `reject`. */
      readonly kind: "request";
      readonly request: ServerRequest;
      /** The index of the first byte behind the head: what follows belongs to the connection. */
      readonly consumed: number;
    }
  | {
      readonly kind: "rejected";
      /** To be written before the connection is ended. */
      readonly response: Buffer;
      /** Its `statusCode` is that of the response. */
      readonly error: HandshakeError;
    };

/** How a server says yes. */
export interface AcceptOptions {
  /** One of those that the client named; none by default. */
  readonly subprotocol?: string | undefined;
  /** Header fields to add; `Upgrade`, `Connection`, `Sec-WebSocket-*` and those of a body may not be given. */
  readonly headers?: readonly HeaderField[] | undefined;
  /** In the server's order of preference; the first that takes an offer is used. None by default. */
  readonly acceptors?: readonly ExtensionAcceptor[] | undefined;
}

export interface AcceptedHandshake {
  /** The bytes to write first. */
  readonly response: Buffer;
  readonly extension: AgreedExtension | undefined;
  /** Empty where there is none. */
  readonly subprotocol: string;
}

/** How a server says no. */
export interface RejectOptions {
  /** Header fields to add; `Connection` and those that tell the size of the body may not be given. */
  readonly headers?: readonly HeaderField[] | undefined;
  /** Text goes as UTF-8; empty by default. */
  readonly body?: string | Uint8Array | undefined;
}

/** RFC 9110 7.8, 15.5.6 and 15.5.22, RFC 6455 4.2.2: what these statuses must come with. */
const fieldsByStatus: Readonly<Record<number, readonly HeaderField[]>> = {
  405: [["Allow", "GET"]],
  426: [
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
  ],
};

/**
 * The server's half of the opening handshake (RFC 6455 4.2): hand in what comes, at any split, until there is a
 * result; a request is then answered with what {@link accept} or {@link reject} gives.
 *
 * The codes of its errors: `MALFORMED_REQUEST`, `HEADERS_TOO_LARGE`, `INVALID_METHOD`, `INVALID_HTTP_VERSION`,
 * `INVALID_RESOURCE`, `INVALID_HOST`, `UNEXPECTED_BODY`, `INVALID_UPGRADE`, `INVALID_CONNECTION`,
 * `UNSUPPORTED_VERSION`, `INVALID_KEY`, `INVALID_SUBPROTOCOLS` and `INVALID_EXTENSIONS`.
 */
export class ServerHandshake {
  readonly #parser: HeadParser<RequestLine>;
  #valid: ValidRequest | undefined;
  #result: RequestResult | undefined;

  constructor(limits: HeadLimits = {}) {
    this.#parser = new HeadParser(parseRequestLine, ownOptions(limits));
  }

  /**
   * Takes what the client has sent; never throws.
   *
   * @returns The result, or `undefined` while more is needed. Once there is one, it stays.
   */
  receive(bytes: Uint8Array, start = 0, end: number = bytes.length): RequestResult | undefined {
    if (this.#result !== undefined) return this.#result;
    const head = this.#parser.receive(bytes, start, end);
    if (head === undefined) return undefined;
    if (head.kind === "too-large")
      return this.#refuse(431, "HEADERS_TOO_LARGE", `The request is refused: ${head.reason}.`);
    if (head.kind === "malformed") {
      return this.#refuse(400, "MALFORMED_REQUEST", `The request is not valid HTTP/1.1: ${head.reason}.`);
    }
    const checked = checkRequest(head.startLine, head.headers);
    if (checked.kind === "fault") return this.#refuse(checked.statusCode, checked.code, checked.message);
    this.#valid = checked;
    this.#result = { kind: "request", request: checked.request, consumed: head.consumed };
    return this.#result;
  }

  /**
   * Says yes (RFC 6455 4.2.2).
   *
   * @throws TypeError for a subprotocol that the client did not name, and for headers that cannot be sent;
   *   JetSocketError (code `INVALID_STATE`) where no valid request has come.
   */
  accept(options: AcceptOptions = {}): AcceptedHandshake {
    if (this.#valid === undefined) {
      throw new JetSocketError("There is no valid request to accept.", { code: "INVALID_STATE" });
    }
    const { request, key, extensions } = this.#valid;
    const { subprotocol = "", headers = [], acceptors = [] } = ownOptions(options);
    checkUserFields(headers);
    const fields: HeaderField[] = [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", acceptKey(key)],
    ];
    if (subprotocol !== "") {
      // RFC 6455 4.2.2: the server may only choose from what the client named.
      if (!request.subprotocols.includes(subprotocol)) {
        throw new TypeError("The subprotocol to accept is none of those that the client named.");
      }
      fields.push(["Sec-WebSocket-Protocol", subprotocol]);
    }
    const extension = firstAccepted(acceptors, extensions);
    if (extension !== undefined) fields.push(["Sec-WebSocket-Extensions", extension.header]);
    const response = writeHead("HTTP/1.1 101 Switching Protocols", [...fields, ...headers]);
    return { response, extension, subprotocol };
  }

  /**
   * Says no: a whole response, behind which the connection is to be ended.
   *
   * @param statusCode - 200 to 599, but for 204 and 304, which have no body.
   * @throws RangeError for another status, TypeError for headers that cannot be sent.
   */
  reject(statusCode: number, options: RejectOptions = {}): Buffer {
    const { headers = [], body = "" } = ownOptions(options);
    if (
      !Number.isInteger(statusCode) ||
      statusCode < 200 ||
      statusCode > 599 ||
      [204, 304].includes(statusCode)
    ) {
      throw new RangeError(
        `A handshake is rejected with a status of 200 to 599 that has a body, not ${statusCode}.`,
      );
    }
    for (const [name, value] of headers) {
      checkField(name, value);
      if (name.toLowerCase() === "connection" || isBodyField(name.toLowerCase())) {
        throw new TypeError(`Header "${name}" cannot be given: it follows from the response.`);
      }
    }
    const payload = typeof body === "string" ? Buffer.from(body) : body;
    const fields: HeaderField[] = [
      // RFC 9110 7.8: whoever sends Upgrade names it in Connection too.
      ["Connection", statusCode === 426 ? "Upgrade, close" : "close"],
      ["Content-Length", String(payload.length)],
      ...headers,
    ];
    return Buffer.concat([writeHead(`HTTP/1.1 ${statusCode} ${statusText(statusCode)}`, fields), payload]);
  }

  #refuse(statusCode: number, code: string, message: string): RequestResult {
    const headers: HeaderField[] = [["Content-Type", "text/plain"], ...(fieldsByStatus[statusCode] ?? [])];
    const response = this.reject(statusCode, { headers, body: `${message}\n` });
    this.#result = { kind: "rejected", response, error: new HandshakeError(message, { code, statusCode }) };
    return this.#result;
  }
}

/** RFC 7692 5: of the elements with an acceptor's name, the first that it takes is the client's preferred one. */
function firstAccepted(
  acceptors: readonly ExtensionAcceptor[],
  elements: readonly ExtensionElement[],
): AgreedExtension | undefined {
  for (const acceptor of acceptors) {
    for (const { name, parameters } of elements) {
      const agreed = name === acceptor.name ? acceptor.accept(parameters) : undefined;
      // RFC 6455 9.1: a second one would claim the RSV1 bit too.
      if (agreed !== undefined) return agreed;
    }
  }
  return undefined;
}
