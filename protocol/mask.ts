/** Below this size a loop over bytes is over before the words are aligned. */
const minWordSize = 32;

/**
 * Masks or unmasks `bytes` from `start` to `end` in place (RFC 6455 5.3).
 *
 * @param key - The key as `MaskingKeys.next` gives it.
 * @returns The key for the byte at `end`, where the payload goes on elsewhere.
 */
export function maskBytes(bytes: Uint8Array, start: number, end: number, key: number): number {
  let rotated = key;
  for (let at = start; at < end; at++) {
    bytes[at]! ^= rotated;
    rotated = (rotated >>> 8) | (rotated << 24);
  }
  return rotated;
}

/**
 * Does what {@link maskBytes} does, eight bytes at a time: at 16 KiB twenty times as fast.
 * It keeps a scratch word, for a 64-bit key that is read from a typed array is never boxed.
 */
export class Masker {
  readonly #doubledKey: BigUint64Array = new BigUint64Array(1);
  readonly #key: DataView = new DataView(this.#doubledKey.buffer);

  /** @param words - The same memory as `bytes`, from the same offset on. */
  mask(bytes: Uint8Array, words: BigUint64Array, start: number, end: number, key: number): number {
    if (end - start < minWordSize) return maskBytes(bytes, start, end, key);
    const firstWord = (start + 7) >>> 3;
    const lastWord = end >>> 3;
    const aligned = maskBytes(bytes, start, firstWord << 3, key);
    // The first byte of the key stands first in memory, whichever way this machine orders a word.
    this.#key.setInt32(0, aligned, true);
    this.#key.setInt32(4, aligned, true);
    const doubledKey = this.#doubledKey[0]!;
    let at = firstWord;
    for (; at + 4 <= lastWord; at += 4) {
      words[at]! ^= doubledKey;
      words[at + 1]! ^= doubledKey;
      words[at + 2]! ^= doubledKey;
      words[at + 3]! ^= doubledKey;
    }
    for (; at < lastWord; at++) words[at]! ^= doubledKey;
    return maskBytes(bytes, lastWord << 3, end, aligned);
  }
}
