import type { ZlibOptions } from "node:zlib";
import type { Deflater, DeflaterOptions } from "./codec.js";
import { HandleHold, type HandlePool } from "./handle-pool.js";
import type { HandleScratch } from "./handle-scratch.js";
import type { KeptHandle } from "./kept-handle.js";
import { constants } from "./node-zlib.js";
import { SlidingWindow } from "./sliding-window.js";

/** The end of an empty stored block, which RFC 7692 7.2.1 takes off. */
const tailSize = 4;

/** 2 KiB: nearly as good as all of the window, and told in a tenth of the time. */
const maxHistoryBits = 11;

export class HandleDeflater implements Deflater {
  readonly #scratch: HandleScratch;
  readonly #hold: HandleHold<ZlibOptions>;
  readonly #windowBits: number;
  readonly #keepsContext: boolean;
  /** What the peer was told last: kept as soon as the handle was taken away once. */
  #history: SlidingWindow | undefined;

  constructor(
    options: DeflaterOptions,
    kind: ZlibOptions,
    pool: HandlePool<ZlibOptions>,
    scratch: HandleScratch,
  ) {
    this.#scratch = scratch;
    this.#hold = new HandleHold(pool, kind);
    this.#windowBits = options.windowBits;
    this.#keepsContext = options.keepsContext;
  }

  deflate(payload: Uint8Array): Uint8Array {
    // RFC 7692 7.2.3.6: zlib yields nothing when it is flushed twice, so the empty block is written by hand.
    if (payload.length === 0) return new Uint8Array(1);
    const output = this.#scratch.deflated;
    const handle = this.#hold.handle ?? this.#open();
    this.#hold.touch();
    if (!this.#keepsContext) handle.reset();
    output.begin(Infinity);
    handle.run(constants.Z_SYNC_FLUSH, payload, payload.length, output);
    if (this.#hold.isBusy) this.#history = undefined;
    this.#history?.append(payload, 0, payload.length);
    return output.take(false, output.size - tailSize);
  }

  /** RFC 7692 7.1.1: a message may refer to as little of what was said before as its sender likes. */
  #open(): KeptHandle {
    const handle = this.#hold.open();
    if (this.#history !== undefined) this.#scratch.primer.primeDeflater(handle, this.#history);
    else if (this.#hold.lastUse > 0 && this.#keepsContext) {
      this.#history = new SlidingWindow(Math.min(this.#windowBits, maxHistoryBits));
    }
    return handle;
  }

  close(): void {
    this.#hold.close();
  }
}
