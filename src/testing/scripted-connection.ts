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
import type { Link } from "./link.js";
import { WireOut } from "./wire-out.js";

/** Header fields: an object, or pairs where order and repeats matter. */
export type ScriptedHeaders = Readonly<Record<string, string>> | readonly HeaderField[];

/** How a script says yes. */
export interface ScriptedAccept {
  /** One of those that the client named. Default: none. */
  readonly subprotocol?: string | undefined;
  /** Fields to add to the 101. */
  readonly headers?: ScriptedHeaders | undefined;
  /** Agrees to permessage-deflate where the client offers it. Default `false`. */
  readonly compress?: boolean | DeflateOptions | undefined;
}

/** How a script says no. */
export interface ScriptedReject {
  readonly headers?: ScriptedHeaders | undefined;
  /** Default: empty. */
  readonly body?: string | Uint8Array | undefined;
}

/** How a client's side of a connection has ended. */
export interface ClientEnd {
  /** The code of its Close, 1005 where that was empty; `undefined` where no Close came. */
  readonly code: number | undefined;
  readonly reason: string;
}

/** What a server gives to its connections. */
export interface ConnectionContext {
  readonly resources: Resources;
  /** The request is there and valid. */
  readonly onRequest: (connection: ScriptedConnection) => void;
  readonly onClosed: (connection: ScriptedConnection) => void;
}

/**
 * One client, as a script has it. By itself it answers pings and a Close, and ends its side behind the closing handshake;
 * all else is the script's. What is sent to a client that is gone is lost, as on any network.
 */
export class ScriptedConnection implements AsyncIterable<string | Buffer> {
  /** How the client's side has ended; settles when the connection is gone. */
  readonly closed: Promise<ClientEnd>;
  readonly #link: Link;
  readonly #context: ConnectionContext;
  readonly #out: WireOut;
  readonly #handshake = new ServerHandshake();
  readonly #inbox = new MessageInbox();
  readonly #cancels = new Set<() => void>();
  #request: ServerRequest | undefined;
  #protocol: ProtocolConnection | undefined;
  #receivable = Infinity;
  #pong: boolean | Buffer = true;
  #isMute = false;
  #isCloseSent = false;
  #isGone = false;
  #end: ClientEnd = { code: undefined, reason: "" };
  #resolveClosed!: (end: ClientEnd) => void;

  /** @internal */
  constructor(link: Link, context: ConnectionContext) {
    this.#link = link;
    this.#context = context;
    this.#out = new WireOut(link);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    link.handler = {
      onData: (bytes) => this.#receive(bytes),
      onEnd: () => this.#receiveEnd(),
      onClose: () => this.#leave(),
    };
  }

  /** The client's opening handshake. @throws Error inside `onOpen`, where it has not come yet. */
  get request(): ServerRequest {
    if (this.#request === undefined) throw new Error("The client's request has not come yet.");
    return this.#request;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Answers the opening handshake with a 101.
   *
   * @throws TypeError for a subprotocol that the client did not name, and for headers that cannot be sent;
   *   Error if the connection was accepted before.
   */
  accept(given: ScriptedAccept = {}): void {
    if (this.#protocol !== undefined) throw new Error("The connection was accepted already.");
    const { subprotocol, headers = [], compress = false } = ownOptions(given);
    const acceptors = compress === false ? [] : [deflateAcceptor(compress === true ? {} : compress)];
    const options: AcceptOptions = { subprotocol, headers: pairsOf(headers), acceptors };
    const { response, extension } = this.#handshake.accept(options);
    const { resources } = this.#context;
    const handler = this.#createHandler();
    this.#out.write(response);
    this.#protocol = new ProtocolConnection({
      role: "server",
      resources,
      extension,
      handler,
      autoPong: false,
    });
  }

  /**
   * Answers the opening handshake with another status, such as 401, 429 with `Retry-After` or 302 with `Location`, and
   * ends this side.
   *
   * @param status - 200 to 599.
   */
  reject(status: number, given: ScriptedReject = {}): void {
    const { headers = [], body } = ownOptions(given);
    this.#out.write(this.#handshake.reject(status, { headers: pairsOf(headers), body }));
    this.#out.end();
  }

  /**
   * Sends a message: a string as text, bytes as binary, anything else as JSON. Nothing goes behind the client's Close.
   *
   * @throws Error before {@link accept}.
   */
  send(message: unknown, options?: { readonly compress?: boolean | undefined }): void {
    const protocol = this.#accepted();
    if (protocol.state === "closed" || protocol.state === "failed") return;
    const bytes = bytesOf(message);
    if (bytes !== undefined) protocol.binary(bytes, options);
    else protocol.text(typeof message === "string" ? message : JSON.stringify(message), options);
    this.#drain();
  }

  /** Sends one message in as many frames as there are pieces: text where the first is a string. */
  sendFragments(pieces: readonly (string | Uint8Array)[]): void {
    this.#out.write(fragments(pieces));
  }

  /** Puts bytes on the wire as they are: half a frame, a wrong one (see {@link frame}), or an answer that is no HTTP. */
  write(bytes: string | Uint8Array): void {
    this.#out.write(Buffer.from(bytes));
  }

  ping(payload: string | Uint8Array = ""): void {
    this.write(frame({ opcode: Opcode.ping, payload }));
  }

  /** A pong that nobody asked for, or another than the client waits for. */
  pong(payload: string | Uint8Array = ""): void {
    this.write(frame({ opcode: Opcode.pong, payload }));
  }

  /** Sends a compressed message of a few KiB that inflates to `size` bytes. @throws Error without `compress`. */
  bomb(size: number): void {
    if (this.#accepted().extensions === "")
      throw new Error("A bomb needs accept({ compress: true }) and a client that offers it.");
    this.write(bombFrame(size));
  }

  /**
   * Starts the closing handshake. Nothing is checked: 999 or 1005 go out too, and a reason of bytes need not be UTF-8.
   *
   * @param code - Without it the Close is empty.
   */
  close(code?: number, reason: string | Uint8Array = ""): void {
    this.closeWith(closePayload(code, reason));
  }

  /** Starts the closing handshake with a payload of your own, such as one of a single byte. */
  closeWith(payload: Uint8Array): void {
    this.#isCloseSent = true;
    this.write(frame({ opcode: Opcode.close, payload }));
  }

  /** Ends this side of the stream behind what was sent, without a Close. */
  end(): void {
    this.#out.end();
  }

  /** Breaks the connection behind what was sent. */
  reset(): void {
    this.#out.reset();
  }

  /** Breaks the connection once so many more bytes have been sent; what is behind them is cut off. */
  resetAfterSending(bytes: number): void {
    this.#out.resetAfter(bytes);
  }

  /** Breaks the connection once so many more bytes have come, those of the request included. */
  resetAfterReceiving(bytes: number): void {
    this.#receivable = bytes;
    if (bytes === 0) this.reset();
  }

  /** From now on neither reads nor writes nor ends, and does not notice that the client does: as if its machine were gone. */
  halfOpen(): void {
    this.#out.shut();
    this.#link.stopReading();
  }

  /** From now on reads, but answers nothing: no ping, no Close, no end. What the script sends still goes out. */
  mute(): void {
    this.#isMute = true;
  }

  /** How pings are answered: properly, never, or with this payload instead of theirs. */
  answerPings(how: boolean | string | Uint8Array): void {
    this.#pong = typeof how === "boolean" ? how : Buffer.from(how);
  }

  /** Takes nothing more off the wire, so that the client's writes are refused once the kernels are full (64 KiB in memory). */
  stopReading(): void {
    this.#link.stopReading();
  }

  continueReading(): void {
    this.#link.continueReading();
  }

  /** From now on each write leaves so many bytes at a time, each in a write of its own. */
  splitBy(size: number): void {
    this.#out.splitBy(size);
  }

  /** What is sent inside `run` leaves in one write: a 101 with frames behind it, or several frames in one read. */
  inOneWrite(run: () => void): void {
    this.#out.join(run);
  }

  /** Resolves after `ms` milliseconds: the runtime's in memory, real ones on a socket. Rejects when the server is closed. */
  delay(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        stop();
        reject(new ClientGoneError());
      };
      const stop = this.#link.wait(ms, () => {
        this.#cancels.delete(cancel);
        resolve();
      });
      this.#cancels.add(cancel);
    });
  }

  /**
   * The next message, in the order in which they came. Rejects with a `ClientGoneError` when none waits and the client
   * has closed, and with a `ProtocolError` when it has broken the protocol.
   */
  receive(): Promise<string | Buffer> {
    return this.#inbox.take();
  }

  /** As {@link receive}, and gives what `JSON.parse` makes of it. */
  receiveJson(): Promise<ReturnType<typeof JSON.parse>> {
    return this.receive().then(String).then(JSON.parse);
  }

  /** The messages one by one; the loop ends when the client is gone. */
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

  /** @internal Breaks what is open, and ends what the script waits for. */
  abandon(): void {
    for (const cancel of [...this.#cancels]) cancel();
    this.#cancels.clear();
    if (!this.#isGone) this.#link.reset();
    this.#leave();
  }

  #accepted(): ProtocolConnection {
    if (this.#protocol === undefined) throw new Error("Nothing can be sent before accept().");
    return this.#protocol;
  }

  #receive(all: Buffer): void {
    const bytes = all.subarray(0, this.#receivable);
    this.#receivable -= bytes.length;
    if (this.#protocol !== undefined) this.#protocol.receive(bytes);
    else if (this.#request === undefined) this.#receiveRequest(bytes);
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
    this.#context.onRequest(this);
  }

  #receiveEnd(): void {
    this.#protocol?.receiveEnd();
    this.#inbox.end(new ClientGoneError());
    if (!this.#isMute) this.#out.end();
  }

  #createHandler(): ProtocolHandler {
    return {
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
  }

  /** RFC 6455 7.1.1: the server ends its side first, behind its Close. */
  #finish(): void {
    this.#drain(this.#isMute || this.#isCloseSent);
    if (!this.#isMute) this.#out.end();
  }

  /** @param isSwallowed - Drops what the protocol has to say by itself. */
  #drain(isSwallowed = false): void {
    const protocol = this.#protocol;
    for (let bytes = protocol?.take(); bytes !== undefined; bytes = protocol?.take()) {
      if (!isSwallowed) this.#out.write(Buffer.from(bytes));
      protocol?.written();
    }
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#out.shut();
    this.#protocol?.abandon();
    this.#inbox.end(new ClientGoneError());
    this.#resolveClosed(this.#end);
    this.#context.onClosed(this);
  }
}

function pairsOf(headers: ScriptedHeaders): readonly HeaderField[] {
  return Array.isArray(headers) ? (headers as readonly HeaderField[]) : Object.entries(headers);
}

/** The bytes of a binary value, of another realm too. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return nodeUtil().types.isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined;
}
