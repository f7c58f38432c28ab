// Loads a window into a zlib handle. For this, the handle compresses or decompresses the bytes of the window.
import { Buffer } from "node:buffer";
import { ChunkedOutput } from "./chunked-output.js";
import type { ZlibHandle } from "./zlib-handle.js";
import { constants } from "./node-zlib.js";
import type { SlidingWindow } from "./sliding-window.js";

/** Size in bytes of the header of a stored block: the header bits, the length and its complement (RFC 1951 3.2.4). */
const storedHeaderSize = 5;
const maxWindowSize = 32 * 1024;

/** Loads a window into a handle that was reset. */
export class WindowPrimer {
  readonly #sink: ChunkedOutput = new ChunkedOutput();
  #block: Buffer | undefined;

  /** Inflates one stored block that contains the window. */
  primeInflater(handle: ZlibHandle, window: SlidingWindow): void {
    const size = window.size;
    const block = this.#load(window);
    block.writeUInt16LE(size, 1);
    block.writeUInt16LE(0xffff - size, 3);
    this.#run(handle, block);
  }

  /** Compresses the bytes of the window and discards the output. The next message can then refer to the window. */
  primeDeflater(handle: ZlibHandle, window: SlidingWindow): void {
    this.#run(handle, this.#load(window).subarray(storedHeaderSize));
  }

  /** Copies a window into a buffer, after five free bytes for the header of a stored block. */
  #load(window: SlidingWindow): Buffer {
    this.#block ??= Buffer.alloc(storedHeaderSize + maxWindowSize);
    window.copyTo(this.#block, storedHeaderSize);
    return this.#block.subarray(0, storedHeaderSize + window.size);
  }

  #run(handle: ZlibHandle, bytes: Buffer): void {
    // A compressed window can be larger than the window itself.
    this.#sink.begin(Infinity);
    handle.run(constants.Z_SYNC_FLUSH, bytes, bytes.length, this.#sink);
    this.#sink.clear();
  }
}
