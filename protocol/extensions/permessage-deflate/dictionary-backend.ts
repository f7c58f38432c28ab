// The codec backend that only calls public functions of `node:zlib`. It works on every version of Node, but it is
// slower than the handle backend.
import { Buffer, constants as bufferConstants } from "node:buffer";
import type { ZlibOptions } from "node:zlib";
import { ProtocolError } from "../../errors.js";
import type { CodecBackend, Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";
import { inflatesTooBig, invalidDeflateData } from "./deflate-errors.js";
import { InflateBudget } from "./inflate-budget.js";
import { constants, deflateRawSync, inflateRawSync } from "./node-zlib.js";
import { WasmInflater } from "./wasm-inflater.js";
import { SlidingWindow } from "./sliding-window.js";
import { deflateOptions, inflateWindowBits } from "./zlib-options.js";

const { Z_SYNC_FLUSH } = constants;

/** The end of an empty stored block. A sender removes these bytes (RFC 7692 7.2.1). A receiver appends them (7.2.2). */
const tail: Buffer = Buffer.of(0x00, 0x00, 0xff, 0xff);

/**
 * A marker of four bytes that shows whether a message is complete. Before a message is inflated, the receiver appends
 * the four bytes that the sender removed, and a final block that contains the marker. The output for a complete message
 * ends with the marker. If the message ends inside a block, zlib reads the marker as a part of this block, so the
 * output does not end with the marker.
 */
const sentinel: Buffer = Buffer.of(0xa5, 0x5a, 0xc3, 0x3c);
const sentinelBlock: Buffer = Buffer.from("5b1a75d80600", "hex");
const tailAndSentinel: Buffer = Buffer.concat([tail, sentinelBlock]);

/**
 * A message usually ends with the three header bits of an empty stored block and with padding. All these bits are 0. So
 * the last byte of a message is usually less than 0x20.
 */
const minUnpaddedByte = 0x20;

// Sizes of the output chunks and of the largest window, in bytes.
const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;
const maxWindowSize = 32 * 1024;

/** Objects shared by all codecs of one factory. No codec keeps data in them between two calls. */
class DictionaryScratch {
  readonly budget: InflateBudget = new InflateBudget();
  readonly ownInflater: WasmInflater = new WasmInflater();
  #bytes: Buffer | undefined;

  /** Returns the bytes of a window for zlib, which copies them. Returns `undefined` for an empty window. */
  dictionary(window: SlidingWindow): Buffer | undefined {
    if (window.size === 0) return undefined;
    this.#bytes ??= Buffer.alloc(maxWindowSize);
    window.copyTo(this.#bytes, 0);
    return this.#bytes.subarray(0, window.size);
  }
}

class DictionaryInflater implements Inflater {
  readonly #scratch: DictionaryScratch;
  readonly #windowBits: number;
  readonly #window: SlidingWindow;
  readonly #keepsContext: boolean;

  constructor(options: InflaterOptions, scratch: DictionaryScratch) {
    this.#scratch = scratch;
    this.#windowBits = inflateWindowBits(options.windowBits);
    this.#window = new SlidingWindow(this.#windowBits);
    this.#keepsContext = options.keepsContext;
  }

  inflate(compressed: Uint8Array, maxSize: number, isKept: boolean): Buffer {
    // Some peers send no bytes for an empty message, because zlib outputs nothing when it is flushed without input.
    if (compressed.length === 0) return Buffer.alloc(0);
    if (!this.#keepsContext) this.#window.clear();
    const inflated = this.#scratch.ownInflater.inflate(compressed, maxSize, isKept, this.#window);
    if (inflated !== undefined) {
      if (this.#keepsContext) this.#window.append(inflated, 0, inflated.length);
      return inflated;
    }
    try {
      const parts = this.#inflateByZlib(compressed, maxSize);
      // The result of zlib can be a small part of a large chunk. A copy of the result allows Node to free the chunk.
      return parts.length > 1 || isKept ? Buffer.concat(parts) : parts[0]!;
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      throw isTooLarge(error) ? inflatesTooBig(maxSize) : invalidDeflateData((error as Error).message, error);
    }
  }

  rest(): void {
    // Nothing can be freed: between two messages the inflater keeps only its window, which the next message needs.
  }

  close(): void {
    this.#window.clear();
  }

  /**
   * Inflates a message by one or more streams of zlib, and returns the output of each stream. RFC 7692 7.2.3.4: a final
   * block ends a stream of zlib, but not the message.
   */
  #inflateByZlib(compressed: Uint8Array, maxSize: number): Buffer[] {
    let input: Buffer | undefined;
    const { budget, ownInflater } = this.#scratch;
    const parts: Buffer[] = [];
    budget.begin();
    let offset = 0;
    let remaining = maxSize;
    const add = (size: number, inflated: Buffer): void => {
      remaining -= inflated.length;
      if (remaining < 0) throw inflatesTooBig(maxSize);
      this.#window.append(inflated, 0, inflated.length);
      parts.push(inflated);
      offset += size;
      budget.check(Math.min(offset, compressed.length), maxSize - remaining);
    };
    while (offset < compressed.length) {
      const part = compressed.subarray(offset);
      this.#checkPrefixes(part, offset, maxSize - remaining);
      input ??= Buffer.concat([compressed, tailAndSentinel]);
      const { buffer, engine } = this.#inflatePart(input.subarray(offset), remaining);
      const excess = engine.bytesWritten - part.length;
      // Only a final block ends a stream of zlib before or at the end of the message.
      if (excess <= 0) budget.addFinalBlocks(1);
      if (excess <= 0 && parts.length > 0) budget.addRestart();
      add(engine.bytesWritten, excess > 0 ? this.#removeSentinel(buffer, excess, part) : buffer);
      // Each new stream of zlib takes time to load its window, so the inflater of this package is tried first.
      while (offset < compressed.length) {
        const rest = compressed.subarray(offset);
        const [consumed, inflated] = ownInflater.inflateStreams(rest, remaining, this.#window, budget);
        if (consumed === 0) break;
        add(consumed, Buffer.from(inflated));
      }
    }
    return parts;
  }

  /**
   * Rejects a message without data early. zlib inflates the whole message in one call, so prefixes of increasing length
   * are inflated before. Such a call ends as soon as the prefix has produced enough bytes.
   *
   * @param offset - Start of `part` in the message, which has produced `produced` bytes before.
   */
  #checkPrefixes(part: Uint8Array, offset: number, produced: number): void {
    const { budget } = this.#scratch;
    const end = offset + part.length;
    for (let at = budget.nextCheck(offset); at < end; at = budget.nextCheck(at)) {
      const wanted = budget.minProduced(at) - produced;
      if (wanted > 0) budget.check(at, produced + this.#countProduced(part.subarray(0, at - offset), wanted));
    }
  }

  /** Returns the number of bytes that a prefix produces. `Infinity` means enough bytes, or that a stream ends earlier. */
  #countProduced(prefix: Uint8Array, wanted: number): number {
    try {
      const options = { ...this.#options(wanted), maxOutputLength: wanted, finishFlush: Z_SYNC_FLUSH };
      const { buffer, engine } = inflateWithInfo(prefix, options);
      return engine.bytesWritten < prefix.length ? Infinity : buffer.length;
    } catch (error) {
      if (isTooLarge(error)) return Infinity;
      throw error;
    }
  }

  #inflatePart(input: Uint8Array, remaining: number): Inflated {
    const maxOutputLength = Math.min(remaining + sentinel.length, bufferConstants.MAX_LENGTH);
    return inflateWithInfo(input, { ...this.#options(input.length * 4), maxOutputLength });
  }

  /**
   * Checks that the message does not end inside a block, and removes the marker from the output. If the message ends
   * inside a block, the appended tail can complete this block by chance. To detect this, the message is inflated again
   * without the tail.
   *
   * @param excess - Number of appended bytes that zlib has read.
   * @throws ProtocolError (1007) if the message ends inside a block.
   */
  #removeSentinel(buffer: Buffer, excess: number, part: Uint8Array): Buffer {
    const hasSentinel = excess === tailAndSentinel.length && endsWith(buffer, sentinel);
    const inflated = hasSentinel ? buffer.subarray(0, -sentinel.length) : buffer;
    const isAmbiguous = hasSentinel
      ? endsWith(inflated, tail) || part.at(-1)! >= minUnpaddedByte
      : excess === tail.length;
    if (isAmbiguous ? this.#inflatesWithoutTail(part, inflated.length) : hasSentinel) return inflated;
    throw invalidDeflateData("it ends inside a block");
  }

  /** Inflates `part` without an appended tail or marker. Returns `true` if the result has `size` bytes. */
  #inflatesWithoutTail(part: Uint8Array, size: number): boolean {
    const options = { ...this.#options(size), finishFlush: Z_SYNC_FLUSH };
    return inflateRawSync(part, options).length === size;
  }

  #options(expectedSize: number): ZlibOptions {
    return {
      windowBits: this.#windowBits,
      dictionary: this.#scratch.dictionary(this.#window),
      chunkSize: chunkSizeFor(expectedSize),
    };
  }
}

class DictionaryDeflater implements Deflater {
  readonly #scratch: DictionaryScratch;
  readonly #options: DeflaterOptions;
  readonly #window: SlidingWindow;

  constructor(options: DeflaterOptions, scratch: DictionaryScratch) {
    this.#scratch = scratch;
    this.#options = options;
    this.#window = new SlidingWindow(options.windowBits);
  }

  deflate(payload: Uint8Array): Uint8Array {
    // RFC 7692 7.2.3.6: an empty message is one zero byte, the first byte of an empty stored block.
    if (payload.length === 0) return new Uint8Array(1);
    const deflated = deflateRawSync(payload, {
      ...deflateOptions(this.#options),
      finishFlush: Z_SYNC_FLUSH,
      dictionary: this.#scratch.dictionary(this.#window),
      chunkSize: chunkSizeFor(payload.length),
    });
    if (this.#options.keepsContext) this.#window.append(payload, 0, payload.length);
    return deflated.subarray(0, -tail.length);
  }

  close(): void {
    this.#window.clear();
  }
}

/** The types of Node do not contain the result of the option `info`. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function inflateWithInfo(input: Uint8Array, options: ZlibOptions): Inflated {
  return inflateRawSync(input, { ...options, info: true }) as unknown as Inflated;
}

/** Creates codecs that start a new zlib stream for each message, with the window as its dictionary. */
export class DictionaryBackend implements CodecBackend {
  readonly name = "dictionary";
  readonly #scratch: DictionaryScratch = new DictionaryScratch();

  inflater(options: InflaterOptions): Inflater {
    return new DictionaryInflater(options, this.#scratch);
  }

  deflater(options: DeflaterOptions): Deflater {
    return new DictionaryDeflater(options, this.#scratch);
  }
}

function endsWith(bytes: Buffer, end: Buffer): boolean {
  return bytes.subarray(-end.length).equals(end);
}

function chunkSizeFor(expectedSize: number): number {
  return Math.min(Math.max(expectedSize, minChunkSize), maxChunkSize);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && Reflect.get(error, "code") === "ERR_BUFFER_TOO_LARGE";
}
