// Provides masking keys from a buffer of random bytes. This module does not generate random bytes.

/** Fills all of `bytes` with unpredictable random bytes (RFC 6455 5.3, 10.3). */
export type FillRandom = (bytes: Uint8Array) => void;

/**
 * 2048 keys are 8 KiB of random bytes. Generating the random bytes for each frame separately would take 1.6 us per
 * frame.
 */
const keysPerFill = 2048;

/** Returns unpredictable masking keys (RFC 6455 5.3). Each key is returned once. */
export class MaskingKeys {
  readonly #fillRandom: FillRandom;
  #keys: Int32Array | undefined;
  #used = keysPerFill;

  constructor(fillRandom: FillRandom) {
    this.#fillRandom = fillRandom;
  }

  /** Returns the four bytes of a key as a number, in little-endian order. */
  next(): number {
    const keys = (this.#keys ??= new Int32Array(keysPerFill));
    if (this.#used === keysPerFill) {
      this.#fillRandom(new Uint8Array(keys.buffer));
      this.#used = 0;
    }
    return keys[this.#used++]!;
  }
}
