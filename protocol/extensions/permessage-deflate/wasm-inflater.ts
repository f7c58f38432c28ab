// Chooses between the JavaScript and the WebAssembly version of the inflater of this package. This module does not call
// zlib.
import type { Buffer } from "node:buffer";
import { Slab } from "../../slab.js";
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
  #inflater: MessageInflater | undefined;
  #inflatedSize = 0;

  /**
   * Inflates a message like `Inflater.inflate`, but does not throw.
   *
   * @param window - The bytes of earlier messages. The window is not changed.
   * @returns The message, or `undefined` if zlib must inflate it.
   */
  inflate(
    compressed: Uint8Array,
    maxSize: number,
    isKept: boolean,
    window: SlidingWindow,
  ): Buffer | undefined {
    this.#count(compressed.length);
    this.#inflater ??= new MessageInflater(new InflateMemory());
    const size = this.#inflater.inflate(compressed, maxSize, window);
    if (size < 0) return undefined;
    const { output } = this.#inflater;
    return isKept ? this.#slab.copy(output, 0, size) : output.subarray(0, size);
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
