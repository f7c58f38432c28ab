// Limits the CPU time that a peer can cause by final blocks in a compressed message.
import { tooManyFinalBlocks } from "./deflate-errors.js";

/** Cost of a restart with an empty window. The unit is the time in which zlib inflates one byte. */
const baseCost = 1024;

/** Smallest budget in bytes. It allows more than 100 restarts with a full window. */
const minBudget = 4 * 1024 * 1024;

/**
 * Limits the restarts of zlib in one message. A final block can have only two bytes on the wire, but after each final
 * block zlib must load its whole window again. All restarts of a message together may take as much time as inflating a
 * message of the largest size.
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
