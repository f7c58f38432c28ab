// Chooses between the JavaScript and the WebAssembly version of the inflater of this package. This module does not call
// zlib.
import type { Buffer } from "node:buffer";
import { Slab } from "../../slab.js";
import { InflateBudget } from "./inflate-budget.js";
import { InflateMemory, maxInputSize } from "./inflate-memory.js";
import { MessageInflater } from "./message-inflater.js";
import type { SlidingWindow } from "./sliding-window.js";

/**
 * Smallest message in bytes that WebAssembly inflates faster than zlib, even if the window is already loaded into zlib.
 */
const minFasterSize = 2 * 1024;

/**
 * After this number of compressed bytes, the WebAssembly module is created. Creating the module takes 7 ms of CPU time.
 * The JavaScript thread needs 3 ms of this time.
 */
const minInflatedSize = 512 * 1024;

/** Inflates messages for all codecs of a factory, one at a time. No native memory per codec is needed. */
export class WasmInflater {
  readonly #slab: Slab = new Slab();
  readonly #budget: InflateBudget = new InflateBudget();
  #inflater: MessageInflater | undefined;
  #inflatedSize = 0;

  /**
   * Inflates a message like `Inflater.inflate`. It throws no error for corrupt data.
   *
   * @param window - The bytes of earlier messages. The window is not changed.
   * @returns The message, or `undefined` if zlib must inflate it.
   * @throws ProtocolError (1008) if the message has too many final blocks.
   */
  inflate(
    compressed: Uint8Array,
    maxSize: number,
    isKept: boolean,
    window: SlidingWindow,
  ): Buffer | undefined {
    const inflater = this.#counted(compressed.length);
    const size = inflater.inflate(compressed, maxSize, window);
    if (size < 0) return undefined;
    if (inflater.finalBlockCount > 0) {
      this.#budget.begin();
      this.#budget.addFinalBlocks(inflater.finalBlockCount);
      this.#budget.check(compressed.length, size);
    }
    const { output } = inflater;
    return isKept ? this.#slab.copy(output, 0, size) : output.subarray(0, size);
  }

  /**
   * Inflates the streams at the start of `input` that end with a final block.
   *
   * @param budget - The final blocks are added to it.
   * @returns The size of these streams in `input`, and their data, which is valid until the next call.
   */
  inflateStreams(
    input: Uint8Array,
    maxSize: number,
    window: SlidingWindow,
    budget: InflateBudget,
  ): readonly [consumed: number, inflated: Buffer] {
    const inflater = this.#counted(Math.min(input.length, maxInputSize));
    const size = inflater.inflateStreams(input, maxSize, window);
    budget.addFinalBlocks(inflater.finalBlockCount);
    return [inflater.consumed, inflater.output.subarray(0, size)];
  }

  #counted(size: number): MessageInflater {
    this.#count(size);
    this.#inflater ??= new MessageInflater(new InflateMemory());
    return this.#inflater;
  }

  /** Counts a message of `size` bytes and returns `true` if WebAssembly inflates it faster than zlib. */
  isFasterThanZlib(size: number): boolean {
    if (size < minFasterSize || size > maxInputSize) return false;
    this.#count(size);
    return this.#inflater?.hasWasm ?? false;
  }

  #count(size: number): void {
    if (this.#inflatedSize >= minInflatedSize) return;
    this.#inflatedSize += size;
    if (this.#inflatedSize < minInflatedSize) return;
    const memory = InflateMemory.createWithWasm();
    if (memory !== undefined) this.#inflater = new MessageInflater(memory);
  }
}
