// Limits the CPU time that a peer can cause by final blocks in a compressed message.
import { tooManyFinalBlocks } from "./deflate-errors.js";

/** Cost of a restart without its window, as the number of bytes that are inflated in the same time. */
const baseCost = 1024;

/** Smallest budget in bytes. It allows more than 100 restarts with a full window. */
const minBudget = 4 * 1024 * 1024;

/**
 * A final block can be two bytes on the wire, but after it zlib must load its whole window again. The budget allows a
 * message at most as much of this work as inflating a message of the largest size costs.
 */
export class RestartBudget {
  #left = 0;

  begin(maxSize: number): void {
    this.#left = Math.max(maxSize, minBudget);
  }

  /** @throws ProtocolError (1009) if the message has too many restarts. */
  spend(windowSize: number): void {
    this.#left -= windowSize + baseCost;
    if (this.#left < 0) throw tooManyFinalBlocks();
  }
}
