/** The longest code of DEFLATE (RFC 1951 3.2.7). */
const maxCodeLength = 15;

/** What an entry is. */
export const EntryKind = {
  literal: 0x000,
  match: 0x100,
  subtable: 0x200,
  end: 0x400,
  forbidden: 0x800,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** The bits that tell the kind: a literal has none of them. */
export const kindMask = 0xf00;

/** Makes the entry of a symbol, to which {@link HuffmanTable.build} adds the length of its code. */
export function symbolEntry(value: number, extraBits: number, kind: EntryKind): number {
  return (value << 16) | kind | (extraBits << 4);
}

/**
 * The codes of one alphabet, looked up by the next bits of the input.
 *
 * An entry is a number: bits 0 to 3 tell how long the code is, 4 to 7 how many bits behind it belong to it, 8 to 11
 * what it is, 16 to 31 its value. Where codes are longer than the table is wide, the entry points to a table of
 * their own: its value is where that begins, and its extra bits tell how wide that is.
 */
export class HuffmanTable {
  readonly entries: Int32Array;
  readonly #width: number;
  readonly #symbols: Int32Array;
  readonly #sorted: Uint16Array;
  /** How many codes have each length, and where their symbols go among the sorted ones. */
  readonly #counts: Uint16Array = new Uint16Array(maxCodeLength + 1);
  readonly #starts: Uint16Array = new Uint16Array(maxCodeLength + 2);

  /**
   * @param symbols - The entry of each symbol, without the length of its code.
   * @param width - How many bits the first look goes by.
   * @param memory - Where the entries go, from `at` on; a memory of their own if it is left out.
   */
  constructor(symbols: Int32Array, width: number, memory?: ArrayBuffer, at: number = 0) {
    this.#symbols = symbols;
    this.#width = width;
    this.#sorted = new Uint16Array(symbols.length);
    // Behind each entry that points on stand two symbols or more.
    const maxSubtables = symbols.length >> 1;
    const count = 2 ** width + maxSubtables * 2 ** (maxCodeLength - width);
    this.entries = memory === undefined ? new Int32Array(count) : new Int32Array(memory, at, count);
  }

  /**
   * Takes the canonical codes (RFC 1951 3.2.2) of the symbols whose code lengths stand from `start` to `end`.
   * @returns `false` where they are more codes or fewer than there is room for.
   */
  build(lengths: Uint8Array, start: number, end: number): boolean {
    const maxLength = this.#sort(lengths, start, end);
    if (maxLength === 0) return false;
    this.#fill(maxLength);
    return true;
  }

  /** Sorts the symbols by their codes, and gives the length of the longest; 0 where the codes are no complete set. */
  #sort(lengths: Uint8Array, start: number, end: number): number {
    const counts = this.#counts.fill(0);
    const starts = this.#starts;
    for (let at = start; at < end; at++) counts[lengths[at]!]!++;
    starts[1] = 0;
    let maxLength = 0;
    let room = 1;
    for (let length = 1; length <= maxCodeLength; length++) {
      const count = counts[length]!;
      starts[length + 1] = starts[length]! + count;
      room = 2 * room - count;
      if (room < 0) return 0;
      if (count > 0) maxLength = length;
    }
    if (room > 0) return 0;
    for (let at = start; at < end; at++) {
      const length = lengths[at]!;
      if (length > 0) this.#sorted[starts[length]!++] = at - start;
    }
    return maxLength;
  }

  /**
   * Codes come with their first bit lowest. So a table for codes of one bit more is the table twice, and needs only
   * the new codes written into it.
   */
  #fill(maxLength: number): void {
    const { entries } = this;
    const width = this.#width;
    let code = 0;
    let next = 0;
    for (let length = 1; length <= Math.min(maxLength, width); length++) {
      const half = 1 << (length - 1);
      for (let at = 0; at < half; at++) entries[half + at] = entries[at]!;
      for (let left = this.#counts[length]!; left > 0; left--) {
        entries[code] = this.#symbols[this.#sorted[next++]!]! | length;
        code = codeBehind(code, length);
      }
    }
    const filled = 1 << Math.min(maxLength, width);
    for (let at = filled; at < 1 << width; at++) entries[at] = entries[at - filled]!;
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
        code = codeBehind(code, length);
      }
    }
  }
}

/** The next code of the same length, first bit lowest: adds one at the highest bit, and carries downwards. */
function codeBehind(code: number, length: number): number {
  const highestZero = 31 - Math.clz32(~code & ((1 << length) - 1));
  return highestZero < 0 ? 0 : (code & ((1 << highestZero) - 1)) | (1 << highestZero);
}
