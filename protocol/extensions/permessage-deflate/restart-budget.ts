// Limits the CPU time that a peer can cause by final blocks in a compressed message.
import { tooManyFinalBlocks } from "./deflate-errors.js";

/** Cost of a restart with an empty window. The unit is the time in which zlib inflates one byte. */
const baseCost = 1024;

/** Smallest budget of a message, in bytes. This budget allows more than 100 restarts with a full window. */
const minBudget = 4 * 1024 * 1024;

/**
 * Limits the restarts of zlib in one message. After each final block, zlib must load its whole window again. A final
 * block needs only two bytes on the wire. The restarts of a message must not take more time than inflating a message of
 * the maximum size.
 */
export class RestartBudget {
  #left = 0;

  begin(maxSize: number): void {
    this.#left = Math.max(maxSize, minBudget);
  }

  /** @throws ProtocolError (1009) if the final blocks of the message restart zlib too often. */
  spend(windowSize: number): void {
    this.#left -= windowSize + baseCost;
    if (this.#left < 0) throw tooManyFinalBlocks();
  }
}
