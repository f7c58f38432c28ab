/**
 * One connection of a scripted server, and the options of its methods. It does not open ports or create connections.
 */
import {
  type AcceptOptions,
  deflateAcceptor,
  type DeflateOptions,
  type HeaderField,
  Opcode,
  ProtocolConnection,
  type ProtocolHandler,
  type Resources,
  ServerHandshake,
  type ServerRequest,
  ownOptions,
} from "../../protocol/index.js";
import { nodeUtil } from "../runtime/node-modules.js";
import { bombFrame } from "./bomb.js";
import { closePayload, fragments, frame } from "./frame.js";
import { ClientGoneError, MessageInbox } from "./inbox.js";
import type { ByteStream } from "./byte-stream.js";
import { WireOut } from "./wire-out.js";

/** Header fields as an object, or as pairs. Pairs keep their order and may repeat a name. */
export type ScriptedHeaders = Readonly<Record<string, string>> | readonly HeaderField[];

/** Options of {@link ScriptedConnection.accept}. */
export interface ScriptedAccept {
  /** One of the subprotocols that the client offered. Default: none. */
  readonly subprotocol?: string | undefined;
  /** Header fields to add to the 101 response. Default: none. */
  readonly headers?: ScriptedHeaders | undefined;
  /** Accepts permessage-deflate if the client offers it. Default `false`. */
  readonly compress?: boolean | DeflateOptions | undefined;
}

/** Options of {@link ScriptedConnection.reject}. */
export interface ScriptedReject {
  /** Header fields of the response. Default: none. */
  readonly headers?: ScriptedHeaders | undefined;
  /** The body of the response. Default: empty. */
  readonly body?: string | Uint8Array | undefined;
}

/** How the client ended its side of a connection. */
export interface ClientEnd {
  /**
   * The code of the client's Close frame. It is 1005 for an empty Close frame and `undefined` if no Close frame was
   * received.
   */
  readonly code: number | undefined;
  /** The reason in the client's Close frame; `""` if there is no reason. */
  readonly reason: string;
}

/** The dependencies of a connection, which its server provides. */
export interface ConnectionContext {
  readonly resources: Resources;
  /** Called when a valid request was received. */
  readonly onRequest: () => void;
  readonly onClosed: () => void;
}

/**
 * A connection with one client, controlled by a script. It answers pings and a Close frame automatically. After the
 * closing handshake it ends its side of the stream. The script does everything else. Data that is sent to a client
 * without a connection is lost, as on any network.
 */
export class ScriptedConnection implements AsyncIterable<string | Buffer> {
  /** Resolves when the connection is closed, with the code and reason of the client's Close frame. */
  readonly closed: Promise<ClientEnd>;
  readonly #stream: ByteStream;
  readonly #context: ConnectionContext;
  readonly #out: WireOut;
  readonly #handshake = new ServerHandshake();
  readonly #inbox = new MessageInbox();
  readonly #cancels = new Set<() => void>();
  #request: ServerRequest | undefined;
  /** The bytes that arrived after the request and before {@link accept}. */
  readonly #earlyBytes: Buffer[] = [];
  #protocol: ProtocolConnection | undefined;
  #receivable = Infinity;
  #pong: boolean | Buffer = true;
  #isMute = false;
  #isCloseSent = false;
  #isGone = false;
  #end: ClientEnd = { code: undefined, reason: "" };
  #resolveClosed!: (end: ClientEnd) => void;
  readonly #handler: ProtocolHandler = {
    onMessage: (data) => this.#inbox.add(data),
    onPing: (payload) => {
      if (this.#isMute || this.#pong === false) return;
      this.pong(this.#pong === true ? payload : this.#pong);
    },
    onPong: () => undefined,
    onClose: (code, reason) => {
      this.#end = { code, reason };
      this.#inbox.end(new ClientGoneError());
      this.#finish();
    },
    onFailure: (error) => {
      this.#inbox.end(error);
      this.#finish();
    },
    onEnd: () => undefined,
  };

  /** @internal */
  constructor(stream: ByteStream, context: ConnectionContext) {
    this.#stream = stream;
    this.#context = context;
    this.#out = new WireOut(stream);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    stream.handler = {
      onData: (bytes) => this.#receive(bytes),
      onEnd: () => this.#receiveEnd(),
      onClose: () => this.#handleClose(),
    };
  }

  /** The request of the opening handshake. @throws Error in `onOpen`, before the request was received. */
  get request(): ServerRequest {
    if (this.#request === undefined)
      throw new Error("The client's request was not received yet: read it in onConnection, not in onOpen.");
    return this.#request;
  }

  /** Whether the connection is closed. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Accepts the opening handshake with a 101 response.
   *
   * @throws TypeError for a subprotocol that the client did not offer, and for invalid headers.
   * @throws Error if the connection was accepted before.
   */
  accept(given: ScriptedAccept = {}): void {
    if (this.#protocol !== undefined) throw new Error("The connection was accepted already.");
    const { subprotocol, headers = [], compress = false } = ownOptions(given);
    const acceptors = compress === false ? [] : [deflateAcceptor(compress === true ? {} : compress)];
    const options: AcceptOptions = { subprotocol, headers: pairsOf(headers), acceptors };
    const { response, extension } = this.#handshake.accept(options);
    const { resources } = this.#context;
    this.#out.write(response);
    const protocol = new ProtocolConnection({
      role: "server",
      resources,
      extension,
      handler: this.#handler,
      autoPong: false,
    });
    this.#protocol = protocol;
    for (const bytes of this.#earlyBytes.splice(0)) protocol.receive(bytes);
    this.#drain();
  }

  /**
   * Rejects the opening handshake with another status, such as 401, 429 with `Retry-After` or 302 with `Location`. Then
   * ends this side of the stream.
   *
   * @param status - A status from 200 to 599.
   */
  reject(status: number, given: ScriptedReject = {}): void {
    const { headers = [], body } = ownOptions(given);
    this.#out.write(this.#handshake.reject(status, { headers: pairsOf(headers), body }));
    this.#out.end();
  }

  /**
   * Sends a message. A string is sent as text, bytes as binary, other values as JSON. The call has no effect after the
   * client's Close frame.
   *
   * @throws Error before {@link accept}, TypeError for a value without a JSON form.
   */
  send(message: unknown, options?: { readonly compress?: boolean | undefined }): void {
    const protocol = this.#accepted();
    if (protocol.state === "closed" || protocol.state === "failed") return;
    const bytes = bytesOf(message);
    if (bytes !== undefined) protocol.binary(bytes, options);
    else protocol.text(typeof message === "string" ? message : jsonOf(message), options);
    this.#drain();
  }

  /** Sends one fragmented message, with one frame per piece. The message is text if the first piece is a string. */
  sendFragments(pieces: readonly (string | Uint8Array)[]): void {
    this.#out.write(fragments(pieces));
  }

  /** Sends bytes unchanged, for example a part of a frame, an invalid {@link frame}, or a response that is not HTTP. */
  write(bytes: string | Uint8Array): void {
    this.#out.write(Buffer.from(bytes));
  }

  /** Sends a ping. */
  ping(payload: string | Uint8Array = ""): void {
    this.write(frame({ opcode: Opcode.ping, payload }));
  }

  /** Sends a pong, whether or not the client has sent a ping with this payload. */
  pong(payload: string | Uint8Array = ""): void {
    this.write(frame({ opcode: Opcode.pong, payload }));
  }

  /**
   * Sends a small compressed message that inflates to `size` bytes. @throws Error if compression was not negotiated.
   */
  bomb(size: number): void {
    if (this.#accepted().extensions === "")
      throw new Error(
        "bomb() needs compression: call accept({ compress: true }), with a client that offers it.",
      );
    this.write(bombFrame(size));
  }

  /**
   * Starts the closing handshake. The arguments are not checked: a code may be invalid, such as 999 or 1005, and a
   * reason of bytes may be invalid UTF-8.
   *
   * @param code - Without a code the Close frame is empty.
   */
  close(code?: number, reason: string | Uint8Array = ""): void {
    this.closeWith(closePayload(code, reason));
  }

  /** Starts the closing handshake with any payload, for example a single byte. */
  closeWith(payload: Uint8Array): void {
    this.#isCloseSent = true;
    this.write(frame({ opcode: Opcode.close, payload }));
  }

  /** Ends this side of the stream after the sent data, without a Close frame. */
  end(): void {
    this.#out.end();
  }

  /** Resets the connection after the sent data. */
  reset(): void {
    this.#out.reset();
  }

  /** Resets the connection after `bytes` more bytes were sent. Later bytes are discarded. */
  resetAfterSending(bytes: number): void {
    this.#out.resetAfter(bytes);
  }

  /** Resets the connection after `bytes` more bytes were received. The bytes of the request count too. */
  resetAfterReceiving(bytes: number): void {
    this.#receivable = bytes;
    if (bytes === 0) this.reset();
  }

  /**
   * Stops reading and writing without ending the connection, as if the machine of the server had disappeared. The
   * connection does not notice when the client ends it.
   */
  halfOpen(): void {
    this.#out.shut();
    this.#stream.stopReading();
  }

  /**
   * Continues to read, but does not answer a ping, a Close frame or an end of stream. The script can still send data.
   */
  mute(): void {
    this.#isMute = true;
  }

  /** Sets how pings are answered: correctly (`true`), never (`false`), or with a fixed payload. */
  answerPings(how: boolean | string | Uint8Array): void {
    this.#pong = typeof how === "boolean" ? how : Buffer.from(how);
  }

  /** Stops reading. The client meets back-pressure when the kernel buffers are full (64 KiB in memory). */
  stopReading(): void {
    this.#stream.stopReading();
  }

  /** Reads again after {@link stopReading}. */
  goOnReading(): void {
    this.#stream.goOnReading();
  }

  /** Splits each later write into separate writes of `size` bytes. */
  splitBy(size: number): void {
    this.#out.splitBy(size);
  }

  /** Merges all data sent by `run` into one write, for example a 101 response followed by frames. */
  inOneWrite(run: () => void): void {
    this.#out.join(run);
  }

  /**
   * Resolves after `ms` milliseconds. The time is virtual in memory, and real on a socket. Rejects when the server is
   * closed.
   */
  delay(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        stop();
        reject(new ClientGoneError());
      };
      const stop = this.#stream.wait(ms, () => {
        this.#cancels.delete(cancel);
        resolve();
      });
      this.#cancels.add(cancel);
    });
  }

  /**
   * Resolves with the next received message, in order. After the last message, rejects with a `ClientGoneError` if the
   * client closed the connection. Rejects with a `ProtocolError` if the client violated the protocol.
   */
  receive(): Promise<string | Buffer> {
    return this.#inbox.take();
  }

  /** Like {@link receive}, but resolves with the result of `JSON.parse`. */
  receiveJson(): Promise<ReturnType<typeof JSON.parse>> {
    return this.receive().then(String).then(JSON.parse);
  }

  /** Iterates over the received messages. The loop ends when the client is gone. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string | Buffer, void> {
    for (;;) {
      const message = await this.receive().catch((error: unknown) => {
        if (error instanceof ClientGoneError) return undefined;
        throw error;
      });
      if (message === undefined) return;
      yield message;
    }
  }

  /** @internal Resets the connection, and rejects the promises that the script waits for. */
  abandon(): void {
    for (const cancel of [...this.#cancels]) cancel();
    this.#cancels.clear();
    if (!this.#isGone) this.#stream.reset();
    this.#handleClose();
  }

  #accepted(): ProtocolConnection {
    if (this.#protocol === undefined) throw new Error("Call accept() before you send.");
    return this.#protocol;
  }

  #receive(all: Buffer): void {
    const bytes = all.subarray(0, this.#receivable);
    this.#receivable -= bytes.length;
    if (this.#protocol !== undefined) this.#protocol.receive(bytes);
    else if (this.#request === undefined) this.#receiveRequest(bytes);
    else this.#earlyBytes.push(bytes);
    if (this.#receivable === 0) this.reset();
    this.#drain();
  }

  #receiveRequest(bytes: Buffer): void {
    const result = this.#handshake.receive(bytes);
    if (result === undefined) return;
    if (result.kind === "rejected") {
      this.#out.write(result.response);
      this.#out.end();
      return;
    }
    this.#request = result.request;
    this.#earlyBytes.push(bytes.subarray(result.consumed));
    this.#context.onRequest();
  }

  #receiveEnd(): void {
    this.#protocol?.receiveEnd();
    this.#inbox.end(new ClientGoneError());
    if (!this.#isMute) this.#out.end();
  }

  /** RFC 6455 7.1.1: the server ends its side of the stream first, after its Close frame. */
  #finish(): void {
    this.#drain(this.#isMute || this.#isCloseSent);
    if (!this.#isMute) this.#out.end();
  }

  /** @param isDiscarded - True to discard the frames of the protocol instead of sending them. */
  #drain(isDiscarded = false): void {
    const protocol = this.#protocol;
    for (let bytes = protocol?.take(); bytes !== undefined; bytes = protocol?.take()) {
      if (!isDiscarded) this.#out.write(Buffer.from(bytes));
      protocol?.written();
    }
  }

  #handleClose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#out.shut();
    this.#protocol?.abandon();
    this.#inbox.end(new ClientGoneError());
    this.#resolveClosed(this.#end);
    this.#context.onClosed();
  }
}

function pairsOf(headers: ScriptedHeaders): readonly HeaderField[] {
  return Array.isArray(headers) ? (headers as readonly HeaderField[]) : Object.entries(headers);
}

/**
 * Returns the bytes of a binary value; `undefined` for other values. Binary values of another realm are recognized too.
 */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return nodeUtil().types.isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

function jsonOf(message: unknown): string {
  const text: unknown = JSON.stringify(message);
  if (typeof text === "string") return text;
  throw new TypeError(
    `A value of type ${typeof message} has no JSON form: send an object, a string or bytes.`,
  );
}
