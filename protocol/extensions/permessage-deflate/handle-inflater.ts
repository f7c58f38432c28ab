import { Buffer } from "node:buffer";
import type { ChunkOwner } from "./chunked-output.js";
import type { InflatedSink, Inflater, InflaterOptions } from "./codec.js";
import { asProtocolError, invalidDeflateData } from "./deflate-errors.js";
import { HandleHold, type HandlePool } from "./handle-pool.js";
import type { HandleScratch } from "./handle-scratch.js";
import type { KeptHandle } from "./kept-handle.js";
import { constants } from "./node-zlib.js";
import { SlidingWindow } from "./sliding-window.js";
import { inflateWindowBits } from "./zlib-options.js";

const { Z_BLOCK, Z_SYNC_FLUSH } = constants;

/** RFC 7692 7.2.2: the four bytes that a message lacks, and one that is left unread where they end a block. */
const tailAndProbe: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x00);
const probeSize = 1;

/** A message of so many bytes at the most takes less time by a program of our own than by zlib. */
const maxTinySize = 128;

/** So many of them make up for the window that zlib must be given by and by. */
const minTinyCount = 16;

export class HandleInflater implements Inflater, ChunkOwner {
  readonly #scratch: HandleScratch;
  readonly #hold: HandleHold<number>;
  readonly #window: SlidingWindow;
  readonly #keepsContext: boolean;
  /** Whether the handle, where there is one, does not have what the window has. */
  #isBehind = false;
  /** How many tiny messages have come since the last one that was not. */
  #tinyCount = 0;
  /** How many bytes of the message at hand are in the window. */
  #recordedSize = 0;
  /** Takes the first parts of the message at hand. */
  #sink: InflatedSink | undefined;

  constructor(options: InflaterOptions, pool: HandlePool<number>, scratch: HandleScratch) {
    const windowBits = inflateWindowBits(options.windowBits);
    this.#scratch = scratch;
    this.#hold = new HandleHold(pool, windowBits);
    this.#window = new SlidingWindow(windowBits);
    this.#keepsContext = options.keepsContext;
  }

  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer {
    // A deflater that is flushed with nothing to say yields nothing: some peers send it like this.
    if (compressed.length === 0) return Buffer.alloc(0);
    if (!this.#keepsContext) this.#forget();
    if (!this.#isForOwn(compressed.length)) return this.#inflate([compressed], maxSize, isKept, sink);
    const inflated = this.#scratch.own.inflate(compressed, maxSize, isKept, this.#window);
    if (inflated === undefined) return this.#inflate([compressed], maxSize, isKept, sink);
    if (compressed.length > maxTinySize) this.#hold.touch();
    if (this.#keepsContext) this.#window.append(inflated, 0, inflated.length);
    this.#isBehind = true;
    return inflated;
  }

  /** Such messages are large: they are for zlib. */
  inflatePieces(
    compressed: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink?: InflatedSink,
  ): Buffer {
    if (!this.#keepsContext) this.#forget();
    return this.#inflate(compressed, maxSize, isKept, sink);
  }

  #forget(): void {
    this.#window.clear();
    this.#isBehind = true;
  }

  /** zlib is the fastest in the middle, where its handle has the window, or can have it without taking it from another. */
  #isForOwn(size: number): boolean {
    if (this.#scratch.own.outruns(size)) return true;
    if (size > maxTinySize) {
      this.#tinyCount = 0;
      return this.#hold.isShort;
    }
    this.#tinyCount++;
    return this.#hold.handle === undefined || this.#isBehind || this.#tinyCount > minTinyCount;
  }

  /** The handle, with the window in it. */
  #opened(): KeptHandle {
    const open = this.#hold.handle;
    if (open !== undefined && !this.#isBehind) return open;
    open?.reset();
    const handle = open ?? this.#hold.open();
    if (this.#window.size > 0) this.#scratch.primer.primeInflater(handle, this.#window);
    this.#isBehind = false;
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
      for (const piece of compressed) this.#takePiece(piece);
      this.#takeTail();
      if (this.#keepsContext) this.#record();
      return output.take(isKept);
    } catch (error) {
      output.clear();
      throw asProtocolError(error);
    } finally {
      this.#sink = undefined;
    }
  }

  // Called by its output.

  onFullChunks(): void {
    // The window is to have the bytes before their memory is used again.
    this.#record();
  }

  onFullChunk(bytes: Buffer): void {
    this.#sink!.onInflated(bytes);
  }

  rest(): void {
    this.#hold.close();
  }

  close(): void {
    this.rest();
  }

  #begin(maxSize: number): void {
    this.#scratch.inflated.begin(maxSize, this.#sink === undefined ? undefined : this);
    this.#scratch.restarts.begin(maxSize);
    this.#recordedSize = 0;
    this.#opened();
    this.#hold.touch();
  }

  #takePiece(compressed: Uint8Array): void {
    const output = this.#scratch.inflated;
    let unread = this.#opened().run(Z_SYNC_FLUSH, compressed, compressed.length, output);
    // RFC 7692 7.2.3.4: a final block ends zlib's stream, not the message.
    while (unread > 0) {
      this.#restart();
      unread = this.#opened().run(Z_SYNC_FLUSH, compressed, unread, output);
    }
  }

  /** RFC 7692 7.2.2: puts the tail back. In a message that is whole it ends a block and yields nothing. */
  #takeTail(): void {
    const output = this.#scratch.inflated;
    const size = output.size;
    const unread = this.#opened().run(Z_BLOCK, tailAndProbe, tailAndProbe.length, output);
    if (unread === tailAndProbe.length) {
      this.#restart();
    } else if (unread !== probeSize || output.size !== size) {
      throw invalidDeflateData("it ends inside a block");
    }
  }

  /** zlib forgets its window with the end of its stream, RFC 7692 does not. */
  #restart(): void {
    this.#record();
    this.#scratch.restarts.spend(this.#window.size);
    this.#opened().reset();
    this.#scratch.primer.primeInflater(this.#opened(), this.#window);
  }

  #record(): void {
    const output = this.#scratch.inflated;
    output.appendTo(this.#window, this.#recordedSize);
    this.#recordedSize = output.size;
  }
}
