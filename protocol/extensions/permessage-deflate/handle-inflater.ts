// An inflater that uses a pooled zlib handle or the inflater of this package. The inflater keeps a copy of the window,
// so another codec can take the handle away between two messages.
import { Buffer } from "node:buffer";
import type { InflatedSink, Inflater, InflaterOptions } from "./codec.js";
import { invalidDeflateData, ZlibError } from "./deflate-errors.js";
import { HandleLease, type HandlePool } from "./handle-pool.js";
import type { HandleScratch } from "./handle-scratch.js";
import { firstCheck } from "./inflate-budget.js";
import type { ZlibHandle } from "./zlib-handle.js";
import { constants } from "./node-zlib.js";
import { SlidingWindow } from "./sliding-window.js";
import { inflateWindowBits } from "./zlib-options.js";

const { Z_BLOCK, Z_SYNC_FLUSH } = constants;

/** The four bytes that the sender removed (RFC 7692 7.2.2), and a probe: a byte that zlib must leave unread. */
const tailAndProbe: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x00);
const probeSize = 1;

/** Largest size in bytes of a tiny message. The inflater of this package inflates a tiny message faster than zlib. */
const maxTinySize = 128;

/**
 * An open zlib handle inflates at most this number of consecutive tiny messages. The inflater of this package is
 * faster, and inflates the tiny messages that follow. Before zlib inflates the next larger message, the window must be
 * loaded into zlib again. Loading the window costs less time than the inflater of this package has saved by then.
 */
const minTinyCount = 16;

/** Decompresses the messages of one connection with a pooled zlib handle or with the inflater of this package. */
export class HandleInflater implements Inflater {
  readonly #scratch: HandleScratch;
  readonly #lease: HandleLease;
  readonly #window: SlidingWindow;
  readonly #keepsContext: boolean;
  /** `true` if the handle's window does not contain all bytes of {@link #window}. */
  #isStale = false;
  /** Number of bytes of the current message that were inflated. */
  #wireSize = 0;
  /** `true` if the inflater of this package has inflated a final block of the message, and the handle has no stream. */
  #isBetweenStreams = false;
  /** Number of tiny messages since the last larger message. */
  #tinyCount = 0;

  constructor(options: InflaterOptions, pool: HandlePool, scratch: HandleScratch) {
    const windowBits = inflateWindowBits(options.windowBits);
    this.#scratch = scratch;
    this.#lease = new HandleLease(pool, { windowBits });
    this.#window = new SlidingWindow(windowBits);
    this.#keepsContext = options.keepsContext;
  }

  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean, sink?: InflatedSink): Buffer {
    // Some peers send no bytes for an empty message, because zlib outputs nothing when it is flushed without input.
    if (compressed.length === 0) return Buffer.alloc(0);
    if (!this.#keepsContext) this.#discardContext();
    if (this.#prefersOwnInflater(compressed.length)) {
      const inflated = this.#scratch.ownInflater.inflate(compressed, maxSize, isKept, this.#window);
      if (inflated !== undefined) {
        if (compressed.length > maxTinySize) this.#lease.touch();
        if (this.#keepsContext) this.#window.append(inflated, 0, inflated.length);
        this.#isStale = true;
        return inflated;
      }
    }
    return this.inflatePieces([compressed], maxSize, isKept, sink);
  }

  /** Always uses zlib, because messages in pieces are large. */
  inflatePieces(
    pieces: readonly Uint8Array[],
    maxSize: number,
    isKept: boolean,
    sink?: InflatedSink,
  ): Buffer {
    if (pieces.every(({ length }) => length === 0)) return Buffer.alloc(0);
    if (!this.#keepsContext) this.#discardContext();
    const { inflated: output, budget } = this.#scratch;
    output.begin(maxSize, this.#window, sink);
    budget.begin();
    this.#wireSize = 0;
    this.#isBetweenStreams = false;
    const handle = this.#primedHandle();
    this.#lease.touch();
    try {
      for (const piece of pieces) this.#inflatePiece(handle, piece);
      this.#inflateTail(handle);
      budget.check(this.#wireSize, output.size);
      if (this.#keepsContext) output.record();
      return output.finish(isKept);
    } catch (error) {
      output.clear();
      // An error that the sink throws is thrown unchanged.
      throw error instanceof ZlibError ? invalidDeflateData(error.message, error) : error;
    }
  }

  #discardContext(): void {
    this.#window.clear();
    this.#isStale = true;
  }

  /**
   * Returns `true` if the inflater of this package is faster than zlib. For messages of medium size, zlib is faster,
   * unless it must first take a handle from another codec.
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

  /** Returns a handle that contains the current window. Opens the handle or loads the window if necessary. */
  #primedHandle(): ZlibHandle {
    const open = this.#lease.handle;
    if (open !== undefined && !this.#isStale) return open;
    open?.reset();
    const handle = open ?? this.#lease.open();
    if (this.#window.size > 0) this.#scratch.primer.primeInflater(handle, this.#window);
    this.#isStale = false;
    return handle;
  }

  /** Inflates a piece in parts, so that a message without data is rejected early. */
  #inflatePiece(handle: ZlibHandle, compressed: Uint8Array): void {
    const { budget, inflated } = this.#scratch;
    let unread = compressed.length;
    while (unread > 0) {
      const size = Math.min(unread, firstCheck - (this.#wireSize % firstCheck));
      const end = compressed.length - unread + size;
      this.#inflatePart(handle, end === compressed.length ? compressed : compressed.subarray(0, end), size);
      this.#wireSize += size;
      unread -= size;
      if (this.#wireSize % firstCheck > 0) continue;
      budget.check(this.#wireSize, inflated.size);
      budget.limitCredit(this.#wireSize, inflated.size);
    }
  }

  /** Inflates the last `size` bytes of `compressed`. */
  #inflatePart(handle: ZlibHandle, compressed: Uint8Array, size: number): void {
    const { inflated, budget } = this.#scratch;
    if (this.#isBetweenStreams) this.#restart(handle);
    this.#isBetweenStreams = false;
    let unread = handle.run(Z_SYNC_FLUSH, compressed, size, inflated);
    if (unread === size && this.#wireSize === 0) {
      // The tail of the previous message has completed a final block. That block does not count for this message.
      this.#restart(handle);
      unread = handle.run(Z_SYNC_FLUSH, compressed, size, inflated);
    }
    // RFC 7692 7.2.3.4: a final block ends zlib's stream, not the message.
    while (unread > 0) {
      budget.addFinalBlocks(1);
      unread = this.#inflateStreams(compressed, unread, this.#wireSize + size);
      this.#isBetweenStreams = unread === 0;
      if (this.#isBetweenStreams) return;
      this.#restart(handle);
      unread = handle.run(Z_SYNC_FLUSH, compressed, unread, inflated);
      if (unread > 0) budget.addRestart();
    }
  }

  /**
   * Inflates streams by the inflater of this package, because each new stream of zlib takes time to load its window.
   *
   * @param wireSize - Number of bytes of the message up to the end of `compressed`.
   * @returns The number of unread bytes.
   */
  #inflateStreams(compressed: Uint8Array, unread: number, wireSize: number): number {
    const { inflated, ownInflater, budget } = this.#scratch;
    let left = unread;
    for (;;) {
      budget.check(wireSize - left, inflated.size);
      inflated.record();
      const input = compressed.subarray(compressed.length - left);
      const [consumed, bytes] = ownInflater.inflateStreams(input, inflated.remaining, this.#window, budget);
      if (consumed === 0) return left;
      inflated.append(bytes);
      left -= consumed;
    }
  }

  /**
   * Inflates the four bytes that the sender removed (RFC 7692 7.2.2). If the message is complete, zlib outputs nothing
   * for these bytes.
   */
  #inflateTail(handle: ZlibHandle): void {
    const { inflated: output, budget } = this.#scratch;
    const size = output.size;
    const isCounted = this.#isBetweenStreams;
    const unread = isCounted
      ? tailAndProbe.length
      : handle.run(Z_BLOCK, tailAndProbe, tailAndProbe.length, output);
    if (unread === tailAndProbe.length) {
      // The message ends with a final block. The next message starts a new stream.
      if (!isCounted) budget.addFinalBlocks(1);
      output.record();
      this.#isStale = true;
    } else if (unread !== probeSize || output.size !== size) {
      throw invalidDeflateData("it ends inside a block");
    }
  }

  /** RFC 7692 7.2.3.4: the window survives a final block, but zlib loses the window at the end of its stream. */
  #restart(handle: ZlibHandle): void {
    const { inflated, primer } = this.#scratch;
    inflated.record();
    handle.reset();
    if (this.#window.size > 0) primer.primeInflater(handle, this.#window);
  }

  rest(): void {
    this.#lease.close();
  }

  close(): void {
    this.rest();
  }
}
