import { tooManyFinalBlocks } from "./deflate-errors.js";

/** What a restart costs beside the window, in bytes inflated in the same time. */
const baseCost = 1024;

/** Enough for a hundred full windows, whatever the limit of the message. */
const minBudget = 4 * 1024 * 1024;

/**
 * Bounds the work behind final blocks: after each of them zlib must be given its whole window again, and such a
 * block takes two bytes on the wire. A message may cost no more in this way than by its own size.
 */
export class RestartBudget {
  #left = 0;

  begin(maxSize: number): void {
    this.#left = Math.max(maxSize, minBudget);
  }

  /** @throws ProtocolError (1009) where the message has restarted too often. */
  spend(windowSize: number): void {
    this.#left -= windowSize + baseCost;
    if (this.#left < 0) throw tooManyFinalBlocks();
  }
}
