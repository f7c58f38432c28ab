// Masks and unmasks payloads in ordinary memory (RFC 6455 5.3). `wide-mask.ts` masks the memory of WebAssembly.

/** Smallest payload in bytes that is masked eight bytes at a time. A smaller payload is masked faster byte by byte. */
const minWordSize = 32;

/**
 * Masks or unmasks `bytes` from `start` to `end` in place (RFC 6455 5.3).
 *
 * @param key - The masking key as returned by `MaskingKeys.next`.
 * @returns The key for the byte at `end`: `key`, rotated by the number of masked bytes.
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
 * Masks eight bytes at a time. For 16 KiB, this class is 20 times as fast as {@link maskBytes}.
 *
 * The 64-bit key is stored in a typed array. V8 does not allocate an object for a BigInt that it reads from a typed
 * array.
 */
export class Masker {
  readonly #doubledKey: BigUint64Array = new BigUint64Array(1);
  readonly #key: DataView = new DataView(this.#doubledKey.buffer);

  /** @param words - View of the same memory as `bytes`, with the same offset. */
  mask(bytes: Uint8Array, words: BigUint64Array, start: number, end: number, key: number): number {
    if (end - start < minWordSize) return maskBytes(bytes, start, end, key);
    const firstWord = (start + 7) >>> 3;
    const lastWord = end >>> 3;
    const aligned = maskBytes(bytes, start, firstWord << 3, key);
    // A little-endian write stores the first byte of the key first, on machines of any byte order.
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
