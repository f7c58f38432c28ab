import { Buffer } from "node:buffer";
import { ChunkedOutput } from "./chunked-output.js";
import type { KeptHandle } from "./kept-handle.js";
import { constants } from "./node-zlib.js";
import type { SlidingWindow } from "./sliding-window.js";

/** The header bits of a stored block, and its length twice (RFC 1951 3.2.4). */
const storedHeaderSize = 5;
const maxWindowSize = 32 * 1024;

/** Gives a window to a handle that has been reset. */
export class WindowPrimer {
  readonly #sink: ChunkedOutput = new ChunkedOutput();
  #block: Buffer | undefined;

  /** By way of one stored block that holds it. */
  primeInflater(handle: KeptHandle, window: SlidingWindow): void {
    const size = window.size;
    const block = this.#take(window);
    block.writeUInt16LE(size, 1);
    block.writeUInt16LE(0xffff - size, 3);
    this.#run(handle, block);
  }

  /** Has it compressed once more, to no end but that the next message may refer to it. */
  primeDeflater(handle: KeptHandle, window: SlidingWindow): void {
    this.#run(handle, this.#take(window).subarray(storedHeaderSize));
  }

  /** The window behind room for a header. */
  #take(window: SlidingWindow): Buffer {
    this.#block ??= Buffer.alloc(storedHeaderSize + maxWindowSize);
    window.copyTo(this.#block, storedHeaderSize);
    return this.#block.subarray(0, storedHeaderSize + window.size);
  }

  #run(handle: KeptHandle, bytes: Buffer): void {
    this.#sink.begin(maxWindowSize);
    handle.run(constants.Z_SYNC_FLUSH, bytes, bytes.length, this.#sink);
    this.#sink.clear();
  }
}
