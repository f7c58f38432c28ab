/** Fills the whole of `bytes` with random bytes that nobody can foresee (RFC 6455 5.3, 10.3). */
export type FillRandom = (bytes: Uint8Array) => void;

/** 8 KiB of random bytes at a time: a call of the operating system for each frame would cost 1.6 us. */
const keysPerFill = 2048;

/** Masking keys that nobody can foresee (RFC 6455 5.3), drawn from a pool of random bytes, each used once. */
export class MaskingKeys {
  readonly #fillRandom: FillRandom;
  #keys: Int32Array | undefined;
  #used = keysPerFill;

  constructor(fillRandom: FillRandom) {
    this.#fillRandom = fillRandom;
  }

  /** The four bytes of a key as a number, the first of them lowest. */
  next(): number {
    const keys = (this.#keys ??= new Int32Array(keysPerFill));
    if (this.#used === keysPerFill) {
      this.#fillRandom(new Uint8Array(keys.buffer));
      this.#used = 0;
    }
    return keys[this.#used++]!;
  }
}
