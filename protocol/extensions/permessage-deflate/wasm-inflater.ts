import type { Buffer } from "node:buffer";
import { Slab } from "../../slab.js";
import { InflateMemory, maxInputSize } from "./inflate-memory.js";
import { MessageInflater } from "./message-inflater.js";
import type { SlidingWindow } from "./sliding-window.js";

/** From here on WebAssembly takes less time than zlib does that has its window at hand. */
const minOutrunSize = 2 * 1024;

/** So much a process inflates before WebAssembly is worth the 7 ms of CPU, 3 of them in this thread, that it takes. */
const minInflatedSize = 512 * 1024;

/** Inflates for all codecs of a factory, one message after the other, with no native memory for any of them. */
export class WasmInflater {
  readonly #slab: Slab = new Slab();
  #inflater: MessageInflater | undefined;
  #inflatedSize = 0;

  /**
   * As `Inflater.inflate`, but that nothing is thrown.
   *
   * @param window - What was said before; it is not changed.
   * @returns `undefined` where the message is one for zlib.
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

  /** Whether a message of `size` bytes takes less time here than by zlib. */
  outruns(size: number): boolean {
    if (size < minOutrunSize || size > maxInputSize) return false;
    this.#count(size);
    return this.#inflater?.isWide ?? false;
  }

  #count(size: number): void {
    if (this.#inflatedSize >= minInflatedSize) return;
    this.#inflatedSize += size;
    if (this.#inflatedSize < minInflatedSize) return;
    const memory = InflateMemory.wide();
    if (memory !== undefined) this.#inflater = new MessageInflater(memory);
  }
}
