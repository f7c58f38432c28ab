// Implements `Transport` over a Node stream. It does not open the stream.
import type { OnReadOpts, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { nodeNet } from "../runtime/node-modules.js";
import { ReadGate } from "./read-gate.js";
import { toError } from "../runtime/to-error.js";
import type { TlsWatch } from "./tls-watch.js";
import { withMessage } from "./transport-error.js";
import type { TlsDetails } from "../events/tls-details.js";
import type { AddressAttempt, Transport, TransportHandler, TransportPhase } from "../runtime/transport.js";

/** Returns the bytes of one chunk of a stream, or an error if the chunk does not consist of bytes. */
function bytesOf(chunk: unknown, encoding: BufferEncoding | null): Buffer | TypeError {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (typeof chunk !== "string") return new TypeError(`The stream must emit bytes, got ${typeof chunk}`);
  // Without `setEncoding()`, a string is converted to its UTF-8 bytes. With `setEncoding()`, the stream has already
  // decoded the bytes, and may have lost bytes that are invalid in this encoding.
  if (encoding === null) return Buffer.from(chunk, "utf8");
  return new TypeError(`The stream must emit bytes, got text: setEncoding("${encoding}") was called on it`);
}

/** True for sockets of Node, including TLS sockets. */
function isSocket(stream: Duplex | undefined): stream is Socket {
  return stream instanceof nodeNet().Socket;
}

const noAddresses: readonly AddressAttempt[] = [];
const emptyBytes = new Uint8Array(0);

/** A property of a stream that refers to its transport. It allows all streams to share the same listener functions. */
const transportKey = Symbol("jetsocket:transport");

interface StreamWithTransport {
  [transportKey]: SocketTransport;
}

function onEnd(this: unknown): void {
  (this as StreamWithTransport)[transportKey].onEnd();
}

/**
 * `reason` may be any value. A stream may be destroyed with any value, and a custom `lookup` may fail with any value.
 */
function onError(this: unknown, reason: unknown): void {
  (this as StreamWithTransport)[transportKey].fail(toError(reason, "The stream"));
}

function onClose(this: unknown): void {
  (this as StreamWithTransport)[transportKey].onClose();
}

/** Leads to the stream of a transport: a race of addresses, a tunnel, or a function of the application. */
export interface StreamOpener {
  /** The addresses that were tried. */
  readonly attempts?: readonly AddressAttempt[];
  /** The stream is not needed any more. */
  stop(): void;
  ref?(): void;
  unref?(): void;
}

/**
 * A {@link Transport} over a Node stream. The function that opens the stream passes the stream to {@link attach}. The
 * same function reports progress by {@link enter} and {@link open}, and a failure by {@link fail}.
 */
export class SocketTransport implements Transport {
  readonly #handler: TransportHandler;
  readonly #gate: ReadGate;
  /** Leads to the stream. It is not kept after {@link attach}. */
  #opener: StreamOpener | undefined;
  #addresses: readonly AddressAttempt[] = noAddresses;
  #stream: Duplex | undefined;
  #tlsWatch: TlsWatch | undefined;
  /**
   * True for a Node socket without TLS. A write to such a socket shows immediately whether the kernel accepted all
   * bytes.
   */
  #isPlain = false;
  #readsIntoBuffer = false;
  #isOpen = false;
  #isRef = true;
  #error: Error | undefined;
  #onWritten: (() => void) | undefined;
  #pendingCallbacks = 0;
  /**
   * The callback that is passed to `write()`. Created by the first write that needs a callback. Few writes on a socket
   * without TLS need a callback.
   */
  #afterWrite: ((error?: Error | null) => void) | undefined;
  /** The listener for "data". It exists only on a stream that does not read into our buffer. */
  #onChunk: ((chunk: unknown) => void) | undefined;

  constructor(handler: TransportHandler) {
    this.#handler = handler;
    this.#gate = new ReadGate(handler, this);
  }

  get addresses(): readonly AddressAttempt[] {
    return this.#opener?.attempts ?? this.#addresses;
  }

  get tls(): TlsDetails | undefined {
    return this.#tlsWatch?.details;
  }

  /** Waits for a stream. `opener` is stopped if the transport is destroyed before {@link attach}. */
  wait(opener: StreamOpener): void {
    this.#opener = opener;
    if (!this.#isRef) opener.unref?.();
  }

  get isDestroyed(): boolean {
    return this.#gate.isShut;
  }

  /** Returns the option `onread` for a socket that will be attached. */
  readInto(buffer: Buffer): OnReadOpts {
    this.#readsIntoBuffer = true;
    // Only Node calls the callback as a method of the socket. Therefore the callback does not use `this`.
    return { buffer, callback: (length, bytes) => this.#onRead(length, bytes) };
  }

  /** Reports the first phase in the next tick, after the caller has received the transport. */
  begin(phase: TransportPhase): void {
    process.nextTick(() => this.enter(phase));
  }

  enter(phase: TransportPhase): void {
    if (!this.#gate.isShut) this.#handler.onPhase(phase);
  }

  attach(stream: Duplex): void {
    this.#addresses = this.addresses;
    this.#opener = undefined;
    this.#stream = stream;
    this.#isPlain = isSocket(stream) && (stream as Partial<TLSSocket>).encrypted !== true;
    (stream as unknown as StreamWithTransport)[transportKey] = this;
    stream.on("end", onEnd).on("error", onError).on("close", onClose);
    if (!this.#isRef) this.unref();
  }

  /** The attached stream is a TLS socket to the target. TLS to a proxy does not count. */
  secure(watch: TlsWatch | undefined): void {
    this.#tlsWatch = watch;
  }

  open(): void {
    if (this.#gate.isShut) return;
    this.#isOpen = true;
    // Node replaces the socket's handle for each address that it tries. `unref()` does not apply to a new handle.
    if (!this.#isRef) this.unref();
    if (!this.#readsIntoBuffer) this.#readChunks();
    this.#handler.onOpen();
    // A socket with `onread` starts to read by itself.
    if (!this.#readsIntoBuffer || this.#gate.isPaused) this.continueReading();
  }

  #readChunks(): void {
    this.#onChunk = (chunk): void => {
      const bytes = bytesOf(chunk, this.#stream?.readableEncoding ?? null);
      if (Buffer.isBuffer(bytes)) this.#receive(bytes, bytes.length);
      else this.fail(bytes);
    };
    this.#stream?.on("data", this.#onChunk);
  }

  #receive(bytes: Buffer, length: number): void {
    if (!this.#gate.withholds(bytes, length)) this.#handler.onData(bytes, length);
  }

  fail(error: Error): void {
    if (!this.#gate.isShut) this.#error ??= this.#tlsWatch?.explain(error) ?? withMessage(error);
    if (this.#stream === undefined) process.nextTick(() => this.#gate.close(this.#error));
    else this.#drop(this.#stream);
  }

  write(bytes: Uint8Array, onWritten: () => void): boolean {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return false;
    try {
      if (this.#isPlain) {
        stream.write(bytes);
        // Node calls a write callback in a later tick, even if the kernel has accepted all bytes. Therefore this write
        // has no callback. If the kernel has not accepted all bytes, an empty write follows. The callback of the empty
        // write shows that the kernel has accepted all bytes.
        if (stream.writableLength > 0) this.#writeAndCall(stream, emptyBytes, onWritten);
      } else {
        // A stream in memory may pass the Buffer itself to a reader. The caller reuses the bytes, so the stream gets a
        // copy.
        this.#writeAndCall(stream, isSocket(stream) ? bytes : Buffer.from(bytes), onWritten);
      }
    } catch (reason) {
      // An exception in `_write` of a custom stream is caught here.
      this.fail(toError(reason, "The stream"));
      return false;
    }
    const isTaken = stream.writableLength === 0 && !stream.errored && !stream.destroyed;
    if (isTaken) this.#onWritten = undefined;
    return isTaken;
  }

  #writeAndCall(stream: Duplex, bytes: Uint8Array, onWritten: () => void): void {
    this.#onWritten = onWritten;
    this.#pendingCallbacks++;
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
      this.#opener?.stop();
      process.nextTick(() => this.#gate.close(this.#error));
    } else {
      this.#drop(this.#stream);
    }
  }

  pause(): void {
    this.#gate.pause();
    // The stream is paused only after the transport is open, because the TLS handshake reads from the stream.
    if (this.#isOpen) this.#stream?.pause();
  }

  resume(): void {
    this.#gate.resume();
  }

  ref(): void {
    this.#isRef = true;
    this.#opener?.ref?.();
    if (isSocket(this.#stream) && !this.#stream.destroyed) this.#stream.ref();
  }

  unref(): void {
    this.#isRef = false;
    this.#opener?.unref?.();
    if (isSocket(this.#stream) && !this.#stream.destroyed) this.#stream.unref();
  }

  /** Reads from the stream unless the transport is paused. The read gate calls this method too. */
  continueReading(): void {
    const stream = this.#stream;
    if (!this.#isOpen || stream === undefined || stream.destroyed) return;
    if (this.#gate.isPaused) stream.pause();
    else stream.resume();
  }

  #stopChunks(stream: Duplex): void {
    if (this.#onChunk !== undefined) stream.off("data", this.#onChunk);
  }

  /**
   * Destroys the stream. Only Node sockets are certain to emit "close". For any other stream, the close is reported
   * here.
   */
  #drop(stream: Duplex): void {
    this.#stopChunks(stream);
    stream.destroy();
    if (!isSocket(stream)) process.nextTick(() => this.#gate.close(this.#error));
  }

  /**
   * Node calls the callbacks in the order of the writes. If the kernel has accepted a write immediately, the callback
   * of this write is not needed, and is ignored. Only the last pending callback shows that the kernel has accepted all
   * bytes.
   */
  #onCalledBack(error: Error | null | undefined): void {
    this.#pendingCallbacks--;
    // A destroyed socket also calls the callback of an abandoned write, and passes no error.
    if (error || this.#stream?.destroyed || this.#pendingCallbacks > 0) return;
    const onWritten = this.#onWritten;
    this.#onWritten = undefined;
    onWritten?.();
  }

  /** @param bytes - The buffer of {@link readInto}. */
  #onRead(length: number, bytes: Uint8Array): boolean {
    this.#receive(bytes as Buffer, length);
    return !this.#gate.isPaused;
  }

  // The listeners of the stream call the following methods.

  onEnd(): void {
    // Node reports an end during the TLS handshake as an error.
    if (!this.#isOpen) return;
    const refusal = this.#tlsWatch?.explain(undefined);
    if (refusal === undefined) this.#gate.end();
    else this.fail(refusal);
  }

  onClose(): void {
    const stream = this.#stream;
    if (stream !== undefined) this.#stopChunks(stream);
    this.#tlsWatch?.onClose();
    stream?.off("end", onEnd).off("error", onError).off("close", onClose);
    this.#gate.close(this.#error);
  }
}
