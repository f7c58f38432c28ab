import { Buffer, constants as bufferConstants } from "node:buffer";
import type { ZlibOptions } from "node:zlib";
import type { Deflater, DeflaterOptions, Inflater, InflaterOptions } from "./codec.js";
import type { CodecBackend } from "./codec-backend.js";
import { asProtocolError, inflatesTooBig, invalidDeflateData } from "./deflate-errors.js";
import { constants, deflateRawSync, inflateRawSync } from "./node-zlib.js";
import { WasmInflater } from "./wasm-inflater.js";
import { RestartBudget } from "./restart-budget.js";
import { SlidingWindow } from "./sliding-window.js";
import { deflateOptions, inflateWindowBits } from "./zlib-options.js";

const { Z_SYNC_FLUSH } = constants;

/** The end of an empty stored block, which RFC 7692 7.2.1 takes off and 7.2.2 puts back. */
const tail: Buffer = Buffer.of(0x00, 0x00, 0xff, 0xff);

/**
 * Four bytes in a final block with fixed codes, put behind the tail. zlib must come to its end, and yield the four
 * bytes: a block that the message leaves open would swallow it and go astray.
 */
const seal: Buffer = Buffer.of(0xa5, 0x5a, 0xc3, 0x3c);
const sealBlock: Buffer = Buffer.from("5b1a75d80600", "hex");
const tailAndSeal: Buffer = Buffer.concat([tail, sealBlock]);

/** The bits of the empty stored block at the end of a message are 0, as are those that fill its last byte. */
const minOddEnd = 0x20;

const minChunkSize = 1024;
const maxChunkSize = 64 * 1024;
const maxWindowSize = 32 * 1024;

/** What `inflateRawSync` gives where it is asked for `info`. */
interface InflatedPart {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** What the codecs of one factory share: none of them holds any of it between two calls. */
class DictionaryScratch {
  readonly restarts: RestartBudget = new RestartBudget();
  readonly own: WasmInflater = new WasmInflater();
  #bytes: Buffer | undefined;

  /** The bytes of a window, for zlib to copy. */
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
    // A deflater that is flushed with nothing to say yields nothing: some peers send it like this.
    if (compressed.length === 0) return Buffer.alloc(0);
    if (!this.#keepsContext) this.#window.clear();
    const inflated = this.#scratch.own.inflate(compressed, maxSize, isKept, this.#window);
    if (inflated === undefined) return this.#inflateByZlib(compressed, maxSize, isKept);
    if (this.#keepsContext) this.#window.append(inflated, 0, inflated.length);
    return inflated;
  }

  #inflateByZlib(compressed: Uint8Array, maxSize: number, isKept: boolean): Buffer {
    try {
      const parts = this.#inflate(compressed, maxSize);
      // zlib's result lies in a chunk that may be many times its size: a copy lets that go.
      return parts.length > 1 || isKept ? Buffer.concat(parts) : parts[0]!;
    } catch (error) {
      throw isTooLarge(error) ? inflatesTooBig(maxSize) : asProtocolError(error);
    }
  }

  rest(): void {
    // Between two messages there is nothing but the window.
  }

  close(): void {
    this.#window.clear();
  }

  /** RFC 7692 7.2.3.4: a final block ends zlib's stream, not the message. The parts are what lies between. */
  #inflate(compressed: Uint8Array, maxSize: number): Buffer[] {
    const input = Buffer.concat([compressed, tailAndSeal]);
    const parts: Buffer[] = [];
    this.#scratch.restarts.begin(maxSize);
    let offset = 0;
    let room = maxSize;
    while (offset < compressed.length) {
      this.#scratch.restarts.spend(this.#window.size);
      const { buffer, engine } = this.#inflatePart(input.subarray(offset), room);
      const part = compressed.subarray(offset);
      const excess = engine.bytesWritten - part.length;
      const inflated = excess > 0 ? this.#unseal(buffer, excess, part) : buffer;
      room -= inflated.length;
      if (room < 0) throw inflatesTooBig(maxSize);
      this.#window.append(inflated, 0, inflated.length);
      parts.push(inflated);
      offset += engine.bytesWritten;
    }
    return parts;
  }

  #inflatePart(input: Uint8Array, room: number): InflatedPart {
    const maxOutputLength = Math.min(room + seal.length, bufferConstants.MAX_LENGTH);
    const options = { ...this.#options(input.length * 4), maxOutputLength, info: true };
    return inflateRawSync(input, options) as unknown as InflatedPart;
  }

  /**
   * Takes off what the seal has yielded. An open block may still have found its end in the tail, whose bytes are then
   * part of what came out: where it looks like that, a second pass without them tells.
   *
   * @param excess - How many bytes behind the message zlib has read.
   * @throws ProtocolError (1007) where the message ends inside a block.
   */
  #unseal(buffer: Buffer, excess: number, part: Uint8Array): Buffer {
    const isSealed = excess === tailAndSeal.length && endsWith(buffer, seal);
    const inflated = isSealed ? buffer.subarray(0, -seal.length) : buffer;
    const isDoubtful = isSealed
      ? endsWith(inflated, tail) || part.at(-1)! >= minOddEnd
      : excess === tail.length;
    if (isDoubtful ? this.#inflatesAlone(part, inflated.length) : isSealed) return inflated;
    throw invalidDeflateData("it ends inside a block");
  }

  /** Says whether the part yields `size` bytes without anything behind it. */
  #inflatesAlone(part: Uint8Array, size: number): boolean {
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
    // RFC 7692 7.2.3.6: an empty message is the first byte of an empty stored block.
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

/** Stands on Node's public calls alone: each message is a stream of its own, with the window as its dictionary. */
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
