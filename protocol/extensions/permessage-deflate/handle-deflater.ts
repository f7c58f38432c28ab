// A deflater that uses a pooled handle. If another codec takes the handle away, the deflater continues with a short
// history of the last messages. The deflater does not keep the whole window.
import type { Deflater, DeflaterOptions } from "./codec.js";
import { HandleLease, type HandlePool } from "./handle-pool.js";
import type { HandleScratch } from "./handle-scratch.js";
import type { ZlibHandle } from "./zlib-handle.js";
import { constants } from "./node-zlib.js";
import { SlidingWindow } from "./sliding-window.js";
import { deflateOptions } from "./zlib-options.js";

/** Number of bytes that the sender removes from the end of a compressed message (RFC 7692 7.2.1). */
const tailSize = 4;

/**
 * The base-2 logarithm of the maximum size of the history in bytes. The history is at most the last 2 KiB of the sent
 * messages. With 2 KiB of history, messages are nearly as small as with the whole window of 32 KiB. Loading 2 KiB takes
 * a tenth of the time of loading the whole window.
 */
const maxHistoryBits = 11;

/** Compresses the messages of one connection with a pooled zlib handle. */
export class HandleDeflater implements Deflater {
  readonly #scratch: HandleScratch;
  readonly #lease: HandleLease;
  readonly #windowBits: number;
  readonly #keepsContext: boolean;
  /**
   * The last bytes of the sent messages, before compression. Recording begins after the handle was taken away for the
   * first time.
   */
  #history: SlidingWindow | undefined;

  constructor(options: DeflaterOptions, pool: HandlePool, scratch: HandleScratch) {
    this.#scratch = scratch;
    this.#lease = new HandleLease(pool, deflateOptions(options));
    this.#windowBits = options.windowBits;
    this.#keepsContext = options.keepsContext;
  }

  deflate(payload: Uint8Array): Uint8Array {
    // RFC 7692 7.2.3.6: an empty message is one zero byte. For an empty message after a flush, zlib would output
    // nothing.
    if (payload.length === 0) return new Uint8Array(1);
    const output = this.#scratch.deflated;
    const handle = this.#lease.handle ?? this.#open();
    this.#lease.touch();
    if (!this.#keepsContext) handle.reset();
    output.begin(Infinity);
    handle.run(constants.Z_SYNC_FLUSH, payload, payload.length, output);
    if (this.#lease.isBusy) this.#history = undefined;
    this.#history?.append(payload, 0, payload.length);
    return output.finish(false, output.size - tailSize);
  }

  /**
   * Opens a handle and loads the history. The rest of the window is not needed, because a sender need not refer to
   * earlier messages (RFC 7692 7.1.1).
   */
  #open(): ZlibHandle {
    const handle = this.#lease.open();
    if (this.#history !== undefined) this.#scratch.primer.primeDeflater(handle, this.#history);
    else if (this.#lease.isUsed && this.#keepsContext) {
      this.#history = new SlidingWindow(Math.min(this.#windowBits, maxHistoryBits));
    }
    return handle;
  }

  close(): void {
    this.#lease.close();
  }
}
