import { Buffer } from "node:buffer";
import { ChunkedOutput } from "./chunked-output.js";
import type { KeptHandle } from "./kept-handle.js";
import { constants } from "./node-zlib.js";
import type { SlidingWindow } from "./sliding-window.js";

/** The header bits of a stored block, and its length twice (RFC 1951 3.2.4). */
const storedHeaderSize = 5;
const maxWindowSize = 32 * 1024;

/** Gives a window back to an inflater that has been reset, by way of one stored block that holds it. */
export class WindowPrimer {
  readonly #sink: ChunkedOutput = new ChunkedOutput();
  #block: Buffer | undefined;

  prime(handle: KeptHandle, window: SlidingWindow): void {
    const size = window.size;
    this.#block ??= Buffer.alloc(storedHeaderSize + maxWindowSize);
    const block = this.#block.subarray(0, storedHeaderSize + size);
    block.writeUInt16LE(size, 1);
    block.writeUInt16LE(0xffff - size, 3);
    window.copyTo(block, storedHeaderSize);
    this.#sink.begin(maxWindowSize);
    handle.run(constants.Z_SYNC_FLUSH, block, block.length, this.#sink);
    this.#sink.clear();
  }
}
