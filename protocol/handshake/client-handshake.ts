// The client's side of the opening handshake. It reads and checks bytes, but it does not open a connection or set a
// timer.
import { HandshakeError, JetSocketError, type HandshakeErrorDetails, type HeaderField } from "../errors.js";
import type { AgreedExtension } from "../extensions/extension.js";
import { bodyFraming, BodyReader } from "../http/body-reader.js";
import { type Head, HeadParser, type HeadLimits } from "../http/head-parser.js";
import { parseStatusLine, type StatusLine } from "../http/start-line.js";
import type { FillRandom } from "../masking-keys.js";
import { ownOptions } from "../own-options.js";
import { acceptKey, createKey } from "./accept-key.js";
import { type ClientRequestOptions, withKey, writeClientRequest } from "./client-request.js";
import { checkResponse } from "./client-response.js";
import { describeRefusedStatus } from "./refused-status.js";

/** The options of a client's opening handshake, and the limits of the server's response. */
export interface ClientHandshakeOptions extends ClientRequestOptions, HeadLimits {
  /** Fills the 16 bytes of the Sec-WebSocket-Key with random bytes. */
  readonly fillRandom: FillRandom;
  /** Maximum size in bytes of the kept body of a response that rejects the handshake. Default: 64 KiB. */
  readonly maxBodySize?: number | undefined;
}

/** The result of an opening handshake for the client. */
export type HandshakeResult =
  | {
      readonly kind: "accepted";
      /** The header fields of the 101 response, in the received order and spelling, with repeats. */
      readonly headers: readonly HeaderField[];
      /** The subprotocol that the server chose, or an empty string if the server chose none. */
      readonly subprotocol: string;
      /** The negotiated extension as a header value, or an empty string if there is none. */
      readonly extensions: string;
      readonly extension: AgreedExtension | undefined;
      /** Index of the first byte after the head of the response. The frames of the connection begin there. */
      readonly consumed: number;
    }
  | { readonly kind: "rejected"; readonly error: HandshakeError };

/**
 * RFC 9110 15.2 allows any number of interim responses (1xx). This limit stops a server that sends no final response.
 */
const maxInterimResponses = 8;

interface Refusal {
  readonly statusCode: number;
  readonly headers: readonly HeaderField[];
  readonly body: BodyReader;
}

/**
 * The client's side of the opening handshake (RFC 6455 4.1). Write {@link request} to the stream. Then pass the
 * received bytes to {@link receive}, in pieces of any size, until `receive` returns a result.
 *
 * The error codes are `UNEXPECTED_STATUS`, `MALFORMED_RESPONSE`, `HEADERS_TOO_LARGE`, `CONNECTION_ENDED`,
 * `TOO_MANY_INTERIM_RESPONSES`, `INVALID_UPGRADE`, `INVALID_CONNECTION`, `INVALID_ACCEPT`, `SUBPROTOCOL_MISMATCH`,
 * `INVALID_EXTENSIONS` and `EXTENSION_MISMATCH`.
 */
export class ClientHandshake {
  /** The bytes of the request. */
  readonly request: Buffer;
  readonly #options: ClientHandshakeOptions;
  readonly #key: string;
  #parser: HeadParser<StatusLine>;
  #interimResponses = 0;
  #firstByte: number | undefined;
  #refusal: Refusal | undefined;
  #result: HandshakeResult | undefined;

  /**
   * @param previous - A handshake with the same options. Its request is copied with a new key and not checked again.
   * @throws TypeError if the headers, subprotocols or offers do not form a valid request.
   */
  constructor(options: ClientHandshakeOptions, previous?: ClientHandshake) {
    const own = ownOptions(options);
    this.#options = own;
    this.#key = createKey(own.fillRandom);
    this.request =
      previous === undefined ? writeClientRequest(own, this.#key) : withKey(previous.request, this.#key);
    this.#parser = new HeadParser(parseStatusLine, own);
  }

  /**
   * Processes received bytes. It does not throw.
   *
   * @returns The result, or `undefined` if more bytes are needed. After a result, every call returns the same result.
   */
  receive(bytes: Uint8Array, start = 0, end: number = bytes.length): HandshakeResult | undefined {
    if (this.#result === undefined && start < end) {
      this.#firstByte ??= bytes[start];
      this.#receive(bytes, start, end);
    }
    return this.#result;
  }

  /** `true` while the body of a response that rejects the handshake is incomplete. */
  get isRefused(): boolean {
    return this.#refusal !== undefined;
  }

  /** Call this when the server ends the stream. An incomplete response rejects the handshake. */
  receiveEnd(): HandshakeResult {
    this.#result ??= this.rejection() ?? this.#ended();
    return this.#result;
  }

  /**
   * Ends the handshake without waiting for the rest of the rejection's body, for example at a timeout. Call this while
   * {@link isRefused} is `true`.
   *
   * @returns The rejection with the received part of its body, or `undefined` if the server has not rejected the
   *   handshake.
   */
  rejection(): HandshakeResult | undefined {
    if (this.#refusal !== undefined) {
      const { statusCode, headers, body } = this.#refusal;
      const details = { code: "UNEXPECTED_STATUS", statusCode, headers, body: body.takeBody() };
      this.#result = rejected(describeRefusedStatus(statusCode, headers), details);
      this.#refusal = undefined;
    }
    return this.#result?.kind === "rejected" ? this.#result : undefined;
  }

  #receive(bytes: Uint8Array, start: number, end: number): void {
    let position = start;
    while (this.#refusal === undefined) {
      const head = this.#parser.receive(bytes, position, end);
      if (head === undefined) return;
      if (head.kind !== "head") {
        this.#result = head.kind === "malformed" ? this.#malformed(head.reason) : tooLarge(head.reason);
        return;
      }
      position = head.consumed;
      this.#result = this.#handleHead(head);
      if (this.#result !== undefined) return;
    }
    const { body } = this.#refusal;
    body.receive(bytes, position, end);
    if (body.isComplete) this.rejection();
  }

  #handleHead(head: Head<StatusLine>): HandshakeResult | undefined {
    const { headers } = head;
    const { statusCode } = head.startLine;
    if (statusCode === 101) return this.#checkUpgraded(head);
    if (statusCode >= 200) {
      const body = new BodyReader(bodyFraming(statusCode, headers), this.#options.maxBodySize ?? 64 * 1024);
      this.#refusal = { statusCode, headers, body };
      return undefined;
    }
    this.#interimResponses++;
    if (this.#interimResponses > maxInterimResponses) return tooManyInterim(statusCode, headers);
    this.#parser = new HeadParser(parseStatusLine, this.#options);
    return undefined;
  }

  #checkUpgraded({ startLine, headers, consumed }: Head<StatusLine>): HandshakeResult {
    try {
      const accept = acceptKey(this.#key);
      const { subprotocol, extension } = checkResponse(startLine, headers, accept, this.#options);
      const extensions = extension?.header ?? "";
      return { kind: "accepted", headers, subprotocol, extensions, extension, consumed };
    } catch (error) {
      return { kind: "rejected", error: withResponse(error, headers) };
    }
  }

  #malformed(reason: string): HandshakeResult {
    // RFC 8446 5.1: a TLS record begins with its type. 21 is an alert, and 22 is a handshake.
    const isTls = this.#firstByte === 21 || this.#firstByte === 22;
    const advice = isTls
      ? "It looks like TLS: use wss: in the url."
      : "Check that the port in the url belongs to a WebSocket server.";
    return rejected(`The server's response is not valid HTTP: ${reason}. ${advice}`, {
      code: "MALFORMED_RESPONSE",
    });
  }

  #ended(): HandshakeResult {
    const message =
      this.#firstByte === undefined
        ? "The server ended the connection without a response. Check the port in the url, and whether the url needs ws: or wss:."
        : "The server ended the connection in the middle of its response. Try again, and check the proxies before the server.";
    return rejected(message, { code: "CONNECTION_ENDED" });
  }
}

function rejected(message: string, details: HandshakeErrorDetails): HandshakeResult {
  return { kind: "rejected", error: new HandshakeError(message, details) };
}

function tooLarge(reason: string): HandshakeResult {
  const message = `The server's response exceeds a limit: ${reason}. Check that the url is that of a WebSocket server.`;
  return rejected(message, { code: "HEADERS_TOO_LARGE" });
}

function tooManyInterim(statusCode: number, headers: readonly HeaderField[]): HandshakeResult {
  const message = `The server sent more than ${maxInterimResponses} interim responses (1xx). Fix the server.`;
  return rejected(message, { code: "TOO_MANY_INTERIM_RESPONSES", statusCode, headers });
}

/**
 * Returns an error that contains the response. If `error` is an error of this package, the returned error has the same
 * message and the same code. Any other exception comes from an extension, and is the cause of the returned error.
 */
function withResponse(error: unknown, headers: readonly HeaderField[]): HandshakeError {
  const answer = { statusCode: 101, headers };
  if (error instanceof JetSocketError) {
    return new HandshakeError(error.message, { code: error.code, cause: error.cause, ...answer });
  }
  const message = "An extension failed on the server's answer. Connect without it.";
  return new HandshakeError(message, { code: "EXTENSION_MISMATCH", cause: error, ...answer });
}
