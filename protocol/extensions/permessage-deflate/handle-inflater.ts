// An inflater that chooses between a pooled zlib handle and our own inflater. It keeps the window itself, so the handle
// can be taken away between two messages.
import { Buffer } from "node:buffer";
import type { ChunkSink } from "./chunked-output.js";
import type { InflatedSink, Inflater, InflaterOptions } from "./codec.js";
import { asProtocolError, invalidDeflateData } from "./deflate-errors.js";
import { HandleLease, type HandlePool } from "./handle-pool.js";
import type { HandleScratch } from "./handle-scratch.js";
import type { ZlibHandle } from "./zlib-handle.js";
import { constants } from "./node-zlib.js";
import { SlidingWindow } from "./sliding-window.js";
import { inflateWindowBits } from "./zlib-options.js";

const { Z_BLOCK, Z_SYNC_FLUSH } = constants;

/** RFC 7692 7.2.2: the four bytes that the sender removed, and one that zlib leaves unread if they end a block. */
const tailAndProbe: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x00);
const probeSize = 1;

/** Messages up to this size in bytes are inflated faster by our own inflater than by zlib. */
const maxTinySize = 128;

/** After this number of tiny messages in a row, our own inflater saves more time than reloading zlib's window costs. */
const minTinyCount = 16;

/** Decompresses the messages of one connection, by a pooled handle or by our own inflater. */
export class HandleInflater implements Inflater, ChunkSink {
  readonly #scratch: HandleScratch;
  readonly #lease: HandleLease<number>;
  readonly #window: SlidingWindow;
  readonly #keepsContext: boolean;
  /** `true` if the handle's window does not contain all bytes of {@link #window}. */
  #isStale = false;
  /** Number of tiny messages since the last larger one. */
  #tinyCount = 0;
  /** Number of bytes of the current message that are in the window. */
  #recordedSize = 0;
  /** Receives the first parts of the current message. */
  #sink: InflatedSink | undefined;

  constructor(options: InflaterOptions, pool: HandlePool<number>, scratch: HandleScratch) {
    const windowBits = inflateWindowBits(options.windowBits);
    this.#scratch = scratch;
    this.#lease = new HandleLease(pool, windowBits);
    this.#window = new SlidingWindow(windowBits);
    this.#keepsContext = options.keepsContext;
  }

  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer {
    // Some peers send an empty message as no bytes, because a deflater that is flushed without input outputs nothing.
    if (compressed.length === 0) return Buffer.alloc(0);
    if (!this.#keepsContext) this.#discardContext();
    if (!this.#prefersOwnInflater(compressed.length))
      return this.#inflate([compressed], maxSize, isKept, sink);
    const inflated = this.#scratch.ownInflater.inflate(compressed, maxSize, isKept, this.#window);
    if (inflated === undefined) return this.#inflate([compressed], maxSize, isKept, sink);
    if (compressed.length > maxTinySize) this.#lease.touch();
    if (this.#keepsContext) this.#window.append(inflated, 0, inflated.length);
    this.#isStale = true;
    return inflated;
  }

  /** Always uses zlib, because messages in pieces are large. */
  inflatePieces(
    compressed: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink?: InflatedSink,
  ): Buffer {
    if (!this.#keepsContext) this.#discardContext();
    return this.#inflate(compressed, maxSize, isKept, sink);
  }

  #discardContext(): void {
    this.#window.clear();
    this.#isStale = true;
  }

  /**
   * zlib is fastest for messages of medium size, if its handle has the window or can get it without taking a handle
   * from another codec.
   */
  #prefersOwnInflater(size: number): boolean {
    if (this.#scratch.ownInflater.isFasterThanZlib(size)) return true;
    if (size > maxTinySize) {
      this.#tinyCount = 0;
      return this.#lease.mustEvict;
    }
    this.#tinyCount++;
    return this.#lease.handle === undefined || this.#isStale || this.#tinyCount > minTinyCount;
  }

  /** Returns the handle with the current window loaded. */
  #primedHandle(): ZlibHandle {
    const open = this.#lease.handle;
    if (open !== undefined && !this.#isStale) return open;
    open?.reset();
    const handle = open ?? this.#lease.open();
    if (this.#window.size > 0) this.#scratch.primer.primeInflater(handle, this.#window);
    this.#isStale = false;
    return handle;
  }

  #inflate(
    compressed: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink: InflatedSink | undefined,
  ): Buffer {
    const output = this.#scratch.inflated;
    this.#sink = sink;
    this.#begin(maxSize);
    try {
      for (const piece of compressed) this.#inflatePiece(piece);
      this.#inflateTail();
      if (this.#keepsContext) this.#record();
      return output.finish(isKept);
    } catch (error) {
      output.clear();
      throw asProtocolError(error);
    } finally {
      this.#sink = undefined;
    }
  }

  // Called by the output buffer.

  onSpillStart(): void {
    // Copy the bytes to the window before their memory is reused.
    this.#record();
  }

  onFullChunk(bytes: Buffer): void {
    this.#sink!.onInflated(bytes);
  }

  rest(): void {
    this.#lease.close();
  }

  close(): void {
    this.rest();
  }

  #begin(maxSize: number): void {
    this.#scratch.inflated.begin(maxSize, this.#sink === undefined ? undefined : this);
    this.#scratch.restarts.begin(maxSize);
    this.#recordedSize = 0;
    this.#primedHandle();
    this.#lease.touch();
  }

  #inflatePiece(compressed: Uint8Array): void {
    const output = this.#scratch.inflated;
    let unread = this.#primedHandle().run(Z_SYNC_FLUSH, compressed, compressed.length, output);
    // RFC 7692 7.2.3.4: a final block ends zlib's stream, not the message.
    while (unread > 0) {
      this.#restart();
      unread = this.#primedHandle().run(Z_SYNC_FLUSH, compressed, unread, output);
    }
  }

  /** RFC 7692 7.2.2: appends the tail. In a complete message, the tail ends a block and outputs nothing. */
  #inflateTail(): void {
    const output = this.#scratch.inflated;
    const size = output.size;
    const unread = this.#primedHandle().run(Z_BLOCK, tailAndProbe, tailAndProbe.length, output);
    if (unread === tailAndProbe.length) {
      this.#restart();
    } else if (unread !== probeSize || output.size !== size) {
      throw invalidDeflateData("it ends inside a block");
    }
  }

  /** RFC 7692 7.2.3.4: the window survives a final block, but zlib loses it at the end of its stream. */
  #restart(): void {
    this.#record();
    this.#scratch.restarts.spend(this.#window.size);
    this.#primedHandle().reset();
    this.#scratch.primer.primeInflater(this.#primedHandle(), this.#window);
  }

  #record(): void {
    const output = this.#scratch.inflated;
    output.appendTo(this.#window, this.#recordedSize);
    this.#recordedSize = output.size;
  }
}
