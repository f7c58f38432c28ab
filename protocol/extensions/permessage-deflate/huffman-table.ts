// Lookup tables for the Huffman codes of DEFLATE (RFC 1951 3.2.2). This module does not read the compressed input.

/** The longest code of DEFLATE (RFC 1951 3.2.7). */
const maxCodeLength = 15;

/** The kind of a table entry. */
export const EntryKind = {
  literal: 0x000,
  match: 0x100,
  subtable: 0x200,
  end: 0x400,
  forbidden: 0x800,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** The bits that contain the kind of a table entry. For a literal, all these bits are 0. */
export const kindMask = 0xf00;

/**
 * Returns the table entry of a symbol. The entry does not contain the length of the code of the symbol yet. {@link
 * HuffmanTable.build} adds this length.
 */
export function symbolEntry(value: number, extraBits: number, kind: EntryKind): number {
  return (value << 16) | kind | (extraBits << 4);
}

/**
 * The codes of one alphabet, indexed by the next bits of the input.
 *
 * An entry is an integer. Bits 0 to 3 are the length of the code, bits 4 to 7 the number of extra bits after the code,
 * bits 8 to 11 the kind, and bits 16 to 31 the value. For codes longer than the width of the table, the entry points to
 * a subtable: its value is the index of the subtable, and its extra bits are the width of the subtable.
 */
export class HuffmanTable {
  readonly entries: Int32Array;
  readonly #width: number;
  readonly #symbols: Int32Array;
  readonly #sorted: Uint16Array;
  /** Number of codes of each length. */
  readonly #counts: Uint16Array = new Uint16Array(maxCodeLength + 1);
  /** For each code length, the index of its first symbol in {@link #sorted}. */
  readonly #starts: Uint16Array = new Uint16Array(maxCodeLength + 2);

  /**
   * @param symbols - The entry of each symbol, without the length of its code.
   * @param width - Number of input bits that the first lookup uses.
   * @param memory - The memory for the entries, which start at byte `at`. By default the table allocates memory.
   */
  constructor(symbols: Int32Array, width: number, memory?: ArrayBuffer, at: number = 0) {
    this.#symbols = symbols;
    this.#width = width;
    this.#sorted = new Uint16Array(symbols.length);
    // Each subtable contains at least two symbols.
    const maxSubtables = symbols.length >> 1;
    const count = 2 ** width + maxSubtables * 2 ** (maxCodeLength - width);
    this.entries = memory === undefined ? new Int32Array(count) : new Int32Array(memory, at, count);
  }

  /**
   * Builds the table for the canonical codes (RFC 1951 3.2.2) with the code lengths from `start` to `end`.
   *
   * @param mayBeSparse - `true` if no code and a single code of one bit are allowed (RFC 1951 3.2.7). zlib allows both
   *   for literals and for distances.
   * @returns `false` if the codes are not a complete set: there are too many codes or too few codes.
   */
  build(lengths: Uint8Array, start: number, end: number, mayBeSparse: boolean = false): boolean {
    const maxLength = this.#sort(lengths, start, end, mayBeSparse);
    if (maxLength < 0) return false;
    this.#fill(maxLength);
    return true;
  }

  /** Sorts the symbols by their codes and returns the length of the longest code, or -1 if the set is not allowed. */
  #sort(lengths: Uint8Array, start: number, end: number, mayBeSparse: boolean): number {
    const counts = this.#counts.fill(0);
    const starts = this.#starts;
    for (let at = start; at < end; at++) counts[lengths[at]!]!++;
    starts[1] = 0;
    let maxLength = 0;
    let freeCodes = 1;
    for (let length = 1; length <= maxCodeLength; length++) {
      const count = counts[length]!;
      starts[length + 1] = starts[length]! + count;
      freeCodes = 2 * freeCodes - count;
      if (freeCodes < 0) return -1;
      if (count > 0) maxLength = length;
    }
    if (freeCodes > 0 && !(mayBeSparse && maxLength <= 1)) return -1;
    for (let at = start; at < end; at++) {
      const length = lengths[at]!;
      if (length > 0) this.#sorted[starts[length]!++] = at - start;
    }
    return maxLength;
  }

  /**
   * Fills the table, from the shortest codes to the longest. The first bit of a code is the lowest bit of the index. So
   * the table for each length begins as two copies of the table for the previous length. Then the codes of the new
   * length are written.
   */
  #fill(maxLength: number): void {
    const { entries } = this;
    const width = this.#width;
    let code = 0;
    let next = 0;
    // The codes that a sparse set does not use. A complete set overwrites the entry.
    entries[0] = EntryKind.forbidden;
    for (let length = 1; length <= Math.min(maxLength, width); length++) {
      const half = 1 << (length - 1);
      for (let at = 0; at < half; at++) entries[half + at] = entries[at]!;
      for (let left = this.#counts[length]!; left > 0; left--) {
        entries[code] = this.#symbols[this.#sorted[next++]!]! | length;
        code = nextCode(code, length);
      }
    }
    let filled = 1 << Math.min(maxLength, width);
    for (; filled < 1 << width; filled *= 2) entries.copyWithin(filled, 0, filled);
    if (maxLength > width) this.#fillSubtables(maxLength, code, next);
  }

  #fillSubtables(maxLength: number, firstCode: number, first: number): void {
    const { entries } = this;
    const width = this.#width;
    const subwidth = maxLength - width;
    const prefixMask = (1 << width) - 1;
    let code = firstCode;
    let next = first;
    let prefix = -1;
    let subtable = (1 << width) - (1 << subwidth);
    for (let length = width + 1; length <= maxLength; length++) {
      for (let left = this.#counts[length]!; left > 0; left--) {
        if ((code & prefixMask) !== prefix) {
          prefix = code & prefixMask;
          subtable += 1 << subwidth;
          entries[prefix] = symbolEntry(subtable, subwidth, EntryKind.subtable);
        }
        const entry = this.#symbols[this.#sorted[next++]!]! | length;
        for (let at = code >> width; at < 1 << subwidth; at += 1 << (length - width))
          entries[subtable + at] = entry;
        code = nextCode(code, length);
      }
    }
  }
}

/** Returns the next code of the same length in reversed bit order: adds 1 at the highest bit and carries downwards. */
function nextCode(code: number, length: number): number {
  const highestZero = 31 - Math.clz32(~code & ((1 << length) - 1));
  return highestZero < 0 ? 0 : (code & ((1 << highestZero) - 1)) | (1 << highestZero);
}
