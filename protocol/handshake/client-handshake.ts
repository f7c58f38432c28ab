import { HandshakeError, JetSocketError, type HandshakeErrorDetails, type HeaderField } from "../errors.js";
import type { AgreedExtension, ExtensionOffer } from "../extensions/extension.js";
import { bodyFraming, BodyReader } from "../http/body-reader.js";
import { HeadParser, type HeadLimits } from "../http/head-parser.js";
import { parseStatusLine, type StatusLine } from "../http/start-line.js";
import type { FillRandom } from "../masking-keys.js";
import { ownOptions } from "../own-options.js";
import type { WebSocketUri } from "../uri.js";
import { acceptKey, createKey } from "./accept-key.js";
import { RequestTemplate } from "./client-request.js";
import { checkResponse } from "./client-response.js";
import { describeRefusedStatus } from "./refused-status.js";

/** What a client asks for in its opening handshake, and the limits of the answer. */
export interface ClientHandshakeOptions extends HeadLimits {
  /** From `parseUri`. */
  readonly uri: WebSocketUri;
  /**
   * Header fields to add; their order, spelling and repeats reach the wire. `Host` may be replaced; `Upgrade`,
   * `Connection`, `Sec-WebSocket-*`, `Content-Length` and `Transfer-Encoding` may not be given.
   */
  readonly headers?: readonly HeaderField[] | undefined;
  /** In the order of preference; none by default. */
  readonly subprotocols?: readonly string[] | undefined;
  /** In the order of preference; none by default. */
  readonly offers?: readonly ExtensionOffer[] | undefined;
  /** Where the 16 bytes of the key come from. */
  readonly fillRandom: FillRandom;
  /** The most bytes that are kept of the body of a refusal; 64 KiB by default. */
  readonly maxBodySize?: number | undefined;
}

/** How an opening handshake has ended for the client. */
export type HandshakeResult =
  | {
      readonly kind: "accepted";
      /** The header fields of the 101, in their order and spelling, with repeats. */
      readonly headers: readonly HeaderField[];
      /** The one that the server chose; empty where it chose none. */
      readonly subprotocol: string;
      /** The extension as both ends agreed on it; empty where there is none. */
      readonly extensions: string;
      readonly extension: AgreedExtension | undefined;
      /** The index of the first byte behind the head: what follows belongs to the connection. */
      readonly consumed: number;
    }
  | { readonly kind: "rejected"; readonly error: HandshakeError };

/** RFC 9110 15.2: any number of interim answers may come before the final one; no honest server sends more. */
const maxInterimResponses = 8;

const none: readonly never[] = [];

interface Refusal {
  readonly statusCode: number;
  readonly headers: readonly HeaderField[];
  readonly body: BodyReader;
}

/**
 * The client's half of the opening handshake (RFC 6455 4.1): write {@link request}, then hand in what comes,
 * at any split, until there is a result.
 *
 * The codes of its errors: `UNEXPECTED_STATUS`, `MALFORMED_RESPONSE`, `HEADERS_TOO_LARGE`, `CONNECTION_ENDED`,
 * `TOO_MANY_INTERIM_RESPONSES`, `INVALID_UPGRADE`, `INVALID_CONNECTION`, `INVALID_ACCEPT`, `SUBPROTOCOL_MISMATCH`,
 * `INVALID_EXTENSIONS` and `EXTENSION_MISMATCH`.
 */
export class ClientHandshake {
  /** The bytes to write first. */
  readonly request: Buffer;
  readonly #options: ClientHandshakeOptions;
  readonly #template: RequestTemplate;
  readonly #key: string;
  #parser: HeadParser<StatusLine>;
  #interimResponses = 0;
  #firstByte: number | undefined;
  #refusal: Refusal | undefined;
  #result: HandshakeResult | undefined;

  /**
   * @param like - One that asks for the same, and whose request is taken but for the key.
   * @throws TypeError for headers, subprotocols or offers that would not make a valid request.
   */
  constructor(options: ClientHandshakeOptions, like?: ClientHandshake) {
    const own = ownOptions(options);
    this.#options = own;
    this.#template = like === undefined ? templateOf(own) : like.#template;
    this.#key = createKey(own.fillRandom);
    this.request = this.#template.write(this.#key);
    this.#parser = new HeadParser(parseStatusLine, own);
  }

  /**
   * Takes what the server has sent; never throws.
   *
   * @returns The result, or `undefined` while more is needed. Once there is one, it stays.
   */
  receive(bytes: Uint8Array, start = 0, end: number = bytes.length): HandshakeResult | undefined {
    if (this.#result === undefined && start < end) {
      this.#firstByte ??= bytes[start];
      this.#receive(bytes, start, end);
    }
    return this.#result;
  }

  /** `true` while the server has refused by a status, and the body of that answer is not complete. */
  get isRefused(): boolean {
    return this.#refusal !== undefined;
  }

  /** The server has ended its side: without a whole answer before it, that is a rejection. */
  receiveEnd(): HandshakeResult {
    this.#result ??= this.rejection() ?? this.#ended();
    return this.#result;
  }

  /**
   * What is known when time is up while the body of a refusal is still coming ({@link isRefused}): the refusal with the
   * body so far. `undefined` where the server has not refused.
   */
  rejection(): HandshakeResult | undefined {
    if (this.#refusal !== undefined) this.#result = refused(this.#refusal);
    this.#refusal = undefined;
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
      this.#result = this.#takeHead(head.startLine, head.headers, position);
      if (this.#result !== undefined) return;
    }
    const { body } = this.#refusal;
    body.receive(bytes, position, end);
    if (body.isComplete) this.rejection();
  }

  #takeHead(
    line: StatusLine,
    headers: readonly HeaderField[],
    consumed: number,
  ): HandshakeResult | undefined {
    const { statusCode } = line;
    if (statusCode === 101) return this.#checkUpgraded(line, headers, consumed);
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

  #checkUpgraded(line: StatusLine, headers: readonly HeaderField[], consumed: number): HandshakeResult {
    try {
      const { subprotocols = none, offers = none } = this.#options;
      const expected = { accept: acceptKey(this.#key), subprotocols, offers };
      const { subprotocol, extension } = checkResponse(line, headers, expected);
      const extensions = extension?.header ?? "";
      return { kind: "accepted", headers, subprotocol, extensions, extension, consumed };
    } catch (error) {
      return { kind: "rejected", error: withAnswer(error, headers) };
    }
  }

  #malformed(reason: string): HandshakeResult {
    // RFC 8446 5.1: a TLS record begins with its type, 21 for an alert and 22 for a handshake.
    const isTls = this.#firstByte === 21 || this.#firstByte === 22;
    const cure = isTls
      ? "It looks like TLS: use wss: in the url."
      : "Check that the port of the url is that of a WebSocket server.";
    return rejected(`The server's answer is not valid HTTP: ${reason}. ${cure}`, {
      code: "MALFORMED_RESPONSE",
    });
  }

  #ended(): HandshakeResult {
    const message =
      this.#firstByte === undefined
        ? "The server ended the connection without an answer. Check the port of the url, and whether it is to be ws: or wss:."
        : "The server ended the connection in the middle of its answer. Try again, and look for a proxy on the way if it stays so.";
    return rejected(message, { code: "CONNECTION_ENDED" });
  }
}

function templateOf({ uri, headers = none, subprotocols = none, offers = none }: ClientHandshakeOptions) {
  return new RequestTemplate({ uri, headers, subprotocols, offers });
}

function rejected(message: string, details: HandshakeErrorDetails): HandshakeResult {
  return { kind: "rejected", error: new HandshakeError(message, details) };
}

function tooLarge(reason: string): HandshakeResult {
  const message = `The server's answer is refused: ${reason}. Check that the url leads to a WebSocket server.`;
  return rejected(message, { code: "HEADERS_TOO_LARGE" });
}

function tooManyInterim(statusCode: number, headers: readonly HeaderField[]): HandshakeResult {
  const message = `The server sent more than ${maxInterimResponses} interim answers (1xx) and no final one. It is at fault: report it there.`;
  return rejected(message, { code: "TOO_MANY_INTERIM_RESPONSES", statusCode, headers });
}

function refused({ statusCode, headers, body }: Refusal): HandshakeResult {
  const message = describeRefusedStatus(statusCode, headers);
  return rejected(message, { code: "UNEXPECTED_STATUS", statusCode, headers, body: body.takeBody() });
}

/** Adds the answer to what was wrong with it; an extension that throws something else is told as the cause. */
function withAnswer(error: unknown, headers: readonly HeaderField[]): HandshakeError {
  const answer = { statusCode: 101, headers };
  if (error instanceof JetSocketError) {
    return new HandshakeError(error.message, { code: error.code, cause: error.cause, ...answer });
  }
  const message = "An extension failed on the server's answer to its offer. Connect without it.";
  return new HandshakeError(message, { code: "EXTENSION_MISMATCH", cause: error, ...answer });
}
