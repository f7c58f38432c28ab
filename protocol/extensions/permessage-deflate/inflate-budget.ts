// Limits the CPU time that a peer can cause by blocks that produce no data. It does not inflate.
import { tooManyBlocks } from "./deflate-errors.js";

/** Number of bytes on the wire that a message may have in addition to its share per produced byte. */
const allowance = 128 * 1024;

/**
 * Number of bytes on the wire per produced byte. A peer that flushes zlib after each byte needs 11 bytes at level 0, and
 * 16 bytes if it flushes twice.
 */
const maxWirePerByte = 24;

/**
 * Each final block counts as this number of bytes on the wire. A peer may flush zlib and end its stream after each byte:
 * that needs 13 bytes at level 0.
 */
const finalBlockCost = 8;

/**
 * A whole stream after the first that is left to zlib counts as this number of bytes: zlib loads its window in 3 to 15 us.
 * The stream has more than 32 KiB or produces more than 128 KiB, because shorter ones are inflated by this package.
 */
const restartCost = 1024;

/** Most bytes on the wire that {@link InflateBudget.limitCredit} leaves for blocks without data after much data. */
const maxCredit = 4 * allowance;

/** The first check is at this number of bytes on the wire, and each further check at twice the previous number. */
export const firstCheck: number = 2 * allowance;

/**
 * Requires that one message produces data in proportion to its bytes on the wire. zlib needs up to 60 ns for a byte of
 * empty blocks (bench/inflate-work.mjs), so a message without data is rejected after at most 15 ms.
 */
export class InflateBudget {
  /** Cost of the final blocks and of the new streams, in bytes on the wire. */
  #extra = 0;

  begin(): void {
    this.#extra = 0;
  }

  /** The next number of bytes on the wire at which {@link check} must be called, after `wireSize` bytes. */
  nextCheck(wireSize: number): number {
    let next = firstCheck;
    while (next <= wireSize) next *= 2;
    return next;
  }

  /** Returns the number of bytes that the first `wireSize` bytes of the message must produce. */
  minProduced(wireSize: number): number {
    return Math.max(0, Math.ceil((wireSize + this.#extra - allowance) / maxWirePerByte));
  }

  /**
   * Limits what the data so far allows the rest of the message to cost. Otherwise, 1 MiB of data would allow 24 MiB of
   * empty blocks. A backend calls this method after each {@link firstCheck} bytes, if it inflates the message in parts.
   */
  limitCredit(wireSize: number, produced: number): void {
    const credit = produced * maxWirePerByte + allowance - wireSize - this.#extra;
    this.#extra += Math.max(0, credit - maxCredit);
  }

  addFinalBlocks(count: number): void {
    this.#extra += count * finalBlockCost;
  }

  addRestart(): void {
    this.#extra += restartCost;
  }

  /** @throws ProtocolError (1008) if the first `wireSize` bytes of the message have produced too few bytes. */
  check(wireSize: number, produced: number): void {
    if (produced < this.minProduced(wireSize)) throw tooManyBlocks(wireSize, produced);
  }
}
