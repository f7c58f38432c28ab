import type { OnReadOpts, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { nodeNet } from "../runtime/node-modules.js";
import { ReadGate, type ReadGateOwner } from "./read-gate.js";
import { toError, withMessage } from "./transport-error.js";
import type { Transport, TransportHandler, TransportPhase } from "../runtime/transport.js";

/** The bytes of one chunk of a stream, or why it has none. */
function bytesOf(chunk: unknown, encoding: BufferEncoding | null): Buffer | TypeError {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (typeof chunk !== "string")
    return new TypeError(`The stream gave ${typeof chunk} in the place of bytes`);
  // A stream without an encoding writes strings as UTF-8; one with an encoding has already lost bytes.
  if (encoding === null) return Buffer.from(chunk, "utf8");
  return new TypeError(`The stream gave text (setEncoding "${encoding}") in the place of bytes`);
}

/** One of Node's own: it may be a TLS socket, for that is one too. */
function isSocket(stream: Duplex | undefined): stream is Socket {
  return stream instanceof nodeNet().Socket;
}

const nothing = new Uint8Array(0);

/** Where a stream carries its transport: its listeners are functions that all streams share, and find it there. */
const transportKey = Symbol("jetsocket:transport");

interface Carrier {
  [transportKey]: SocketTransport;
}

function onRead(this: unknown, length: number, bytes: Uint8Array): boolean {
  return (this as Carrier)[transportKey].onRead(length, bytes);
}

function onEnd(this: unknown): void {
  (this as Carrier)[transportKey].onEnd();
}

/** A stream may be destroyed with whatever its owner likes, and a look-up may fail with it. */
function onError(this: unknown, reason: unknown): void {
  (this as Carrier)[transportKey].fail(toError(reason, "The stream"));
}

function onClose(this: unknown): void {
  (this as Carrier)[transportKey].onClose();
}

/**
 * A {@link Transport} over a stream of Node's. The files that open one hand it over by {@link attach}, tell how far they
 * have got by {@link enter} and {@link open}, and by {@link fail} that there will be none.
 */
export class SocketTransport implements Transport, ReadGateOwner {
  readonly #handler: TransportHandler;
  readonly #gate: ReadGate;
  readonly #onAbandoned: (() => void) | undefined;
  #stream: Duplex | undefined;
  /** It is one of Node's own, and says at once whether the kernel has taken a write. */
  #isPlain = false;
  #fillsBuffer = false;
  #isOpen = false;
  #isRef = true;
  #error: Error | undefined;
  #onWritten: (() => void) | undefined;
  #callbacksDue = 0;
  /** From the first write on that is to be called back: of a plain socket few are. */
  #afterWrite: ((error?: Error | null) => void) | undefined;
  /** Only for a stream that does not read into our buffer. */
  #onChunk: ((chunk: unknown) => void) | undefined;

  /** @param onAbandoned - called by a {@link destroy} that comes before {@link attach} */
  constructor(handler: TransportHandler, onAbandoned?: () => void) {
    this.#handler = handler;
    this.#gate = new ReadGate(handler, this);
    this.#onAbandoned = onAbandoned;
  }

  get isDestroyed(): boolean {
    return this.#gate.isShut;
  }

  /** The option `onread` of a socket that is to be attached. */
  readInto(buffer: Buffer): OnReadOpts {
    this.#fillsBuffer = true;
    return { buffer, callback: onRead };
  }

  /** Tells the first phase, once the caller has the transport in hand. */
  begin(phase: TransportPhase): void {
    process.nextTick(() => this.enter(phase));
  }

  enter(phase: TransportPhase): void {
    if (!this.#gate.isShut) this.#handler.onPhase(phase);
  }

  attach(stream: Duplex): void {
    this.#stream = stream;
    this.#isPlain = isSocket(stream) && (stream as Partial<TLSSocket>).encrypted !== true;
    (stream as unknown as Carrier)[transportKey] = this;
    stream.on("end", onEnd).on("error", onError).on("close", onClose);
    if (!this.#isRef) this.unref();
  }

  open(): void {
    if (this.#gate.isShut) return;
    this.#isOpen = true;
    // Each address that Node tries has a socket of its own, and only the last one is ours to keep.
    if (!this.#isRef) this.unref();
    if (!this.#fillsBuffer) this.#readChunks();
    this.#handler.onOpen();
    // A socket that fills our buffer reads by itself from here on.
    if (!this.#fillsBuffer || this.#gate.isPaused) this.#read();
  }

  #readChunks(): void {
    this.#onChunk = (chunk): void => {
      const bytes = bytesOf(chunk, this.#stream?.readableEncoding ?? null);
      if (Buffer.isBuffer(bytes)) this.#gate.data(bytes, bytes.length);
      else this.fail(bytes);
    };
    this.#stream?.on("data", this.#onChunk);
  }

  fail(error: Error): void {
    if (!this.#gate.isShut) this.#error ??= withMessage(error);
    if (this.#stream === undefined) process.nextTick(() => this.#gate.close(this.#error));
    else this.#drop(this.#stream);
  }

  write(bytes: Uint8Array, onWritten: () => void): boolean {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return false;
    try {
      if (this.#isPlain) {
        stream.write(bytes);
        // A callback is called in another tick even where the kernel has taken all at once: it is asked for behind what it has not.
        if (stream.writableLength > 0) this.#writeAndCall(stream, nothing, onWritten);
      } else {
        // A stream in memory may pass on the very bytes that it was given, and the caller uses them again.
        this.#writeAndCall(stream, isSocket(stream) ? bytes : Buffer.from(bytes), onWritten);
      }
    } catch (reason) {
      // What `_write` of a stream of the user's throws comes out here.
      this.fail(toError(reason, "The stream"));
      return false;
    }
    const isTaken = stream.writableLength === 0 && !stream.errored && !stream.destroyed;
    if (isTaken) this.#onWritten = undefined;
    return isTaken;
  }

  #writeAndCall(stream: Duplex, bytes: Uint8Array, onWritten: () => void): void {
    this.#onWritten = onWritten;
    this.#callbacksDue++;
    this.#afterWrite ??= (error) => this.#onCalledBack(error);
    stream.write(bytes, this.#afterWrite);
  }

  end(): void {
    this.#stream?.end();
  }

  destroy(): void {
    if (this.#gate.isShut) return;
    this.#gate.shut();
    this.#onWritten = undefined;
    if (this.#stream === undefined) {
      this.#onAbandoned?.();
      process.nextTick(() => this.#gate.close(this.#error));
    } else {
      this.#drop(this.#stream);
    }
  }

  pause(): void {
    this.#gate.pause();
    // Before that, TLS still needs to read for its handshake.
    if (this.#isOpen) this.#stream?.pause();
  }

  resume(): void {
    this.#gate.resume();
  }

  ref(): void {
    this.#isRef = true;
    if (isSocket(this.#stream) && !this.#stream.destroyed) this.#stream.ref();
  }

  unref(): void {
    this.#isRef = false;
    if (isSocket(this.#stream) && !this.#stream.destroyed) this.#stream.unref();
  }

  /** Called by the gate. */
  onDrained(): void {
    this.#read();
  }

  #read(): void {
    const stream = this.#stream;
    if (!this.#isOpen || stream === undefined || stream.destroyed) return;
    if (this.#gate.isPaused) stream.pause();
    else stream.resume();
  }

  #stopChunks(stream: Duplex): void {
    if (this.#onChunk !== undefined) stream.off("data", this.#onChunk);
  }

  /** Destroys the stream; only Node's own sockets are sure to say that they are closed. */
  #drop(stream: Duplex): void {
    this.#stopChunks(stream);
    stream.destroy();
    if (!isSocket(stream)) process.nextTick(() => this.#gate.close(this.#error));
  }

  /** The callbacks come in the order of the writes; that of a write which was taken at once comes late, and says nothing. */
  #onCalledBack(error: Error | null | undefined): void {
    this.#callbacksDue--;
    // A write that a destroyed socket gives up is called back without an error.
    if (error || this.#stream?.destroyed || this.#callbacksDue > 0) return;
    const onWritten = this.#onWritten;
    this.#onWritten = undefined;
    onWritten?.();
  }

  // Called by its stream.

  /** @param bytes - The buffer of {@link readInto}. */
  onRead(length: number, bytes: Uint8Array): boolean {
    this.#gate.data(bytes as Buffer, length);
    return !this.#gate.isPaused;
  }

  onEnd(): void {
    // An end in the middle of the TLS handshake becomes an error of Node's.
    if (this.#isOpen) this.#gate.end();
  }

  onClose(): void {
    const stream = this.#stream;
    if (stream !== undefined) this.#stopChunks(stream);
    stream?.off("end", onEnd).off("error", onError).off("close", onClose);
    this.#gate.close(this.#error);
  }
}
