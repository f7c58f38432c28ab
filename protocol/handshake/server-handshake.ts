// The server's side of the opening handshake. It reads, checks and answers a request, but it does not write to a
// socket.
import { type HandshakeError, JetSocketError, type HeaderField } from "../errors.js";
import type { AgreedExtension, ExtensionAcceptor, ExtensionElement } from "../extensions/extension.js";
import { utf8Bytes } from "../fast-buffer.js";
import { checkField } from "../http/header-fields.js";
import { HeadParser, type HeadLimits } from "../http/head-parser.js";
import { writeHead } from "../http/head-writer.js";
import { parseRequestLine, type RequestLine } from "../http/start-line.js";
import { statusText } from "../http/status-text.js";
import { ownOptions } from "../own-options.js";
import { acceptKey } from "./accept-key.js";
import { checkRequest, fault, type ServerRequest, type ValidRequest } from "./server-request.js";
import { checkUserFields, isBodyField } from "./user-fields.js";

/** The result of a client's opening handshake. */
export type RequestResult =
  | {
      /** The request is valid: answer it with `accept` or `reject`. */
      readonly kind: "request";
      readonly request: ServerRequest;
      /** Index of the first byte after the head of the request. The frames of the connection begin there. */
      readonly consumed: number;
    }
  | {
      readonly kind: "rejected";
      /** The response to write. End the connection after writing the response. */
      readonly response: Buffer;
      /** The reason for the rejection. `error.statusCode` is the status of {@link response}. */
      readonly error: HandshakeError;
    };

/** The options of {@link ServerHandshake.accept}. */
export interface AcceptOptions {
  /** One of the subprotocols that the client offered. Default: none. */
  readonly subprotocol?: string | undefined;
  /** Header fields to add. `Upgrade`, `Connection`, `Sec-WebSocket-*` and the length of a body are not allowed. */
  readonly headers?: readonly HeaderField[] | undefined;
  /**
   * Extensions in the server's order of preference. The first extension that accepts an offer is used. Default: none.
   */
  readonly acceptors?: readonly ExtensionAcceptor[] | undefined;
}

/** The result of {@link ServerHandshake.accept}. */
export interface AcceptedHandshake {
  /** The bytes to write before any frame. */
  readonly response: Buffer;
  readonly extension: AgreedExtension | undefined;
  /** The chosen subprotocol, or an empty string if there is none. */
  readonly subprotocol: string;
}

/** The options of {@link ServerHandshake.reject}. */
export interface RejectOptions {
  /** Header fields to add. `Connection`, `Content-Length` and `Transfer-Encoding` are not allowed. */
  readonly headers?: readonly HeaderField[] | undefined;
  /** The body. A string is sent as UTF-8. Default: empty. */
  readonly body?: string | Uint8Array | undefined;
}

/** Header fields that a response must have for its status (RFC 9110 7.8, 15.5.6 and 15.5.22, RFC 6455 4.2.2). */
const fieldsByStatus: Readonly<Record<number, readonly HeaderField[]>> = {
  405: [["Allow", "GET"]],
  426: [
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
  ],
};

/**
 * The server's side of the opening handshake (RFC 6455 4.2). Pass the received bytes to {@link receive}, in pieces of
 * any size, until `receive` returns a result. {@link accept} and {@link reject} return the bytes that answer a request.
 *
 * The error codes are `MALFORMED_REQUEST`, `HEADERS_TOO_LARGE`, `INVALID_METHOD`, `INVALID_HTTP_VERSION`,
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
   * Processes received bytes. It does not throw.
   *
   * @returns The result, or `undefined` if more bytes are needed. After a result, every call returns the same result.
   */
  receive(bytes: Uint8Array, start = 0, end: number = bytes.length): RequestResult | undefined {
    if (this.#result !== undefined) return this.#result;
    const head = this.#parser.receive(bytes, start, end);
    if (head === undefined) return undefined;
    if (head.kind !== "head") {
      return head.kind === "too-large"
        ? this.#refuse(fault(431, "HEADERS_TOO_LARGE", `The request exceeds a limit: ${head.reason}.`))
        : this.#refuse(fault(400, "MALFORMED_REQUEST", `The request is not valid HTTP/1.1: ${head.reason}.`));
    }
    try {
      this.#valid = checkRequest(head.startLine, head.headers);
    } catch (error) {
      return this.#refuse(error as HandshakeError);
    }
    this.#result = { kind: "request", request: this.#valid.request, consumed: head.consumed };
    return this.#result;
  }

  /**
   * Returns the response that accepts the handshake (RFC 6455 4.2.2).
   *
   * @throws TypeError for a subprotocol that the client did not offer, and for headers that cannot be sent.
   * @throws JetSocketError (code `INVALID_STATE`) if no valid request was received.
   */
  accept(options: AcceptOptions = {}): AcceptedHandshake {
    if (this.#valid === undefined) {
      throw new JetSocketError(
        "There is no valid request to accept. Call accept() after receive() has returned a request.",
        { code: "INVALID_STATE" },
      );
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
      // RFC 6455 4.2.2: the server may choose only a subprotocol that the client offered.
      if (!request.subprotocols.includes(subprotocol)) {
        throw new TypeError(
          "The subprotocol to accept was not offered by the client. Choose one of request.subprotocols.",
        );
      }
      fields.push(["Sec-WebSocket-Protocol", subprotocol]);
    }
    const extension = firstAccepted(acceptors, extensions);
    if (extension !== undefined) fields.push(["Sec-WebSocket-Extensions", extension.header]);
    const response = writeHead("HTTP/1.1 101 Switching Protocols", [...fields, ...headers]);
    return { response, extension, subprotocol };
  }

  /**
   * Returns a complete response that rejects the handshake. End the connection after writing the response.
   *
   * @param statusCode - 200 to 599, except 204 and 304, which have no body.
   * @throws RangeError for another status.
   * @throws TypeError for headers that cannot be sent.
   */
  reject(statusCode: number, options: RejectOptions = {}): Buffer {
    const { headers = [], body = "" } = ownOptions(options);
    const hasBody = statusCode !== 204 && statusCode !== 304;
    if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599 || !hasBody) {
      throw new RangeError(
        `A handshake can only be rejected with a status from 200 to 599 except 204 and 304, got ${statusCode}.`,
      );
    }
    for (const [name, value] of headers) {
      checkField(name, value);
      if (name.toLowerCase() === "connection" || isBodyField(name)) {
        throw new TypeError(`Header "${name}" is not allowed: the handshake sets it.`);
      }
    }
    const payload = typeof body === "string" ? utf8Bytes(body) : body;
    const fields: HeaderField[] = [
      // RFC 9110 7.8: the sender of an Upgrade field also lists it in Connection.
      ["Connection", statusCode === 426 ? "Upgrade, close" : "close"],
      ["Content-Length", String(payload.length)],
      ...headers,
    ];
    return Buffer.concat([writeHead(`HTTP/1.1 ${statusCode} ${statusText(statusCode)}`, fields), payload]);
  }

  #refuse(error: HandshakeError): RequestResult {
    const statusCode = error.statusCode!;
    const headers: HeaderField[] = [["Content-Type", "text/plain"], ...(fieldsByStatus[statusCode] ?? [])];
    const response = this.reject(statusCode, { headers, body: `${error.message}\n` });
    this.#result = { kind: "rejected", response, error };
    return this.#result;
  }
}

/** RFC 7692 5: a client lists its offers in order of preference, so the first acceptable offer is used. */
function firstAccepted(
  acceptors: readonly ExtensionAcceptor[],
  elements: readonly ExtensionElement[],
): AgreedExtension | undefined {
  for (const acceptor of acceptors) {
    for (const { name, parameters } of elements) {
      const agreed = name === acceptor.name ? acceptor.accept(parameters) : undefined;
      // RFC 6455 9.1: only one extension can use the RSV1 bit.
      if (agreed !== undefined) return agreed;
    }
  }
  return undefined;
}
