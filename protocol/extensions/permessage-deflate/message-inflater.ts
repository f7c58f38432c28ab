import type { Buffer } from "node:buffer";
import { codeLengthSymbols, codeLengthWidth, distanceWidth, literalWidth } from "./deflate-alphabets.js";
import { EntryKind, HuffmanTable, kindMask } from "./huffman-table.js";
import type { InflateMemory } from "./inflate-memory.js";
import { maxInputSize, maxOutputSize } from "./inflate-memory.js";
import type { MatchCopier } from "./match-copier.js";
import type { SlidingWindow } from "./sliding-window.js";

/** The longest message that is taken without WebAssembly: with more bytes zlib has made up for its slow start. */
const maxNarrowSize = 4 * 1024;

/** The shortest one that is worth the copy of its window into the memory of WebAssembly. */
const defaultMinWideSize = 128;

const literalMask = (1 << literalWidth) - 1;
const distanceMask = (1 << distanceWidth) - 1;
const codeLengthMask = (1 << codeLengthWidth) - 1;

/** The first three bits of a block that is not the last of a stream (RFC 1951 3.2.3). */
const BlockHeader = { stored: 0b000, fixed: 0b010, dynamic: 0b100 } as const;

/** In which order those lengths come that the lengths of all other codes are written with (RFC 1951 3.2.7). */
const codeLengthOrder = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);
const repeatPrevious = 16;
const repeatZeroLong = 18;
const maxRepeat = 138;

const maxLiteralCodes = 286;
const maxDistanceCodes = 30;
const endOfBlock = 256;

interface Tables {
  readonly literals: HuffmanTable;
  readonly distances: HuffmanTable;
}

/** Stands in the place of a size: the message is one for zlib. */
const declined = -1;

/**
 * Inflates a message in less time than zlib takes to be given its window.
 *
 * Whatever is very long, rare or not valid it declines, and leaves to zlib: final blocks, codes that are no complete set,
 * a message that ends inside a block. So what is wrong with a message is for zlib alone to say.
 */
export class MessageInflater {
  readonly #memory: InflateMemory;
  readonly #input: Uint8Array;
  readonly #bits: DataView;
  readonly #copier: MatchCopier;
  readonly #minWideSize: number;
  /** Whether the message at hand is inflated by WebAssembly. */
  #isMessageWide = false;
  readonly #codeLengths: HuffmanTable = new HuffmanTable(codeLengthSymbols(), codeLengthWidth);
  readonly #lengths: Uint8Array = new Uint8Array(maxLiteralCodes + maxDistanceCodes + maxRepeat);
  /** In bits. */
  #position = 0;
  #end = 0;
  #size = 0;
  #maxSize = 0;

  /** @param minWideSize - The shortest message that is inflated by WebAssembly, where the memory has that. */
  constructor(memory: InflateMemory, minWideSize: number = defaultMinWideSize) {
    this.#memory = memory;
    this.#minWideSize = memory.isWide ? minWideSize : Infinity;
    this.#input = memory.input;
    this.#bits = memory.bits;
    this.#copier = memory.copier;
  }

  get isWide(): boolean {
    return this.#memory.isWide;
  }

  /** What the last message has inflated to, from 0 on. */
  get output(): Buffer {
    return this.#copier.bytes;
  }

  /**
   * Inflates a whole message to the start of {@link output}.
   *
   * @param compressed - The message as `Inflater.inflate` takes it.
   * @param window - What was said before; it is not changed.
   * @returns How many bytes came out, or -1 where the message is one for zlib.
   */
  inflate(compressed: Uint8Array, maxSize: number, window: SlidingWindow): number {
    this.#isMessageWide = compressed.length >= this.#minWideSize;
    if (compressed.length > (this.#isMessageWide ? maxInputSize : maxNarrowSize)) return declined;
    this.#input.set(compressed);
    this.#position = 0;
    this.#end = compressed.length * 8;
    this.#size = 0;
    this.#maxSize = Math.min(maxSize, maxOutputSize);
    if (this.#isMessageWide) this.#memory.begin(this.#end, this.#maxSize, window);
    for (;;) {
      const header = this.#take(3);
      if (header === BlockHeader.stored) {
        this.#position = (this.#position + 7) & ~7;
        // RFC 7692 7.2.2: the four bytes that were left out are the rest of a stored block without content.
        if (this.#position === this.#end) return this.#size;
      }
      if (!this.#takeBlock(header, window)) return declined;
    }
  }

  #takeBlock(header: number, window: SlidingWindow): boolean {
    switch (header) {
      case BlockHeader.stored:
        return this.#takeStored();
      case BlockHeader.fixed:
        return this.#takeCodes(this.#memory.fixed, window);
      case BlockHeader.dynamic:
        return this.#readTables() && this.#takeCodes(this.#memory, window);
      default:
        return false;
    }
  }

  #takeCodes(tables: Tables, window: SlidingWindow): boolean {
    if (!this.#isMessageWide) return this.#takeCompressed(tables.literals, tables.distances, window);
    const memory = this.#memory;
    if (!memory.takeBlock(this.#position, this.#size, tables === memory.fixed)) return false;
    this.#position = memory.position;
    this.#size = memory.size;
    return this.#size <= this.#maxSize;
  }

  /** The next bits, 16 at the most; -1 behind the end. */
  #take(count: number): number {
    const position = this.#position;
    if (position >= this.#end) return declined;
    this.#position = position + count;
    return (this.#bits.getInt32(position >>> 3, true) >> (position & 7)) & ((1 << count) - 1);
  }

  /** RFC 1951 3.2.4, from the length on. */
  #takeStored(): boolean {
    const size = this.#take(16);
    const complement = this.#take(16);
    const start = this.#position >>> 3;
    const end = start + size;
    if (complement !== 0xffff - size || end * 8 > this.#end || this.#size + size > this.#maxSize)
      return false;
    this.output.set(this.#input.subarray(start, end), this.#size);
    this.#size += size;
    this.#position = end * 8;
    return true;
  }

  /** RFC 1951 3.2.7. */
  #readTables(): boolean {
    const literalCount = this.#take(5) + 257;
    const distanceCount = this.#take(5) + 1;
    const codeLengthCount = this.#take(4) + 4;
    if (literalCount > maxLiteralCodes || distanceCount > maxDistanceCodes) return false;
    const lengths = this.#lengths.fill(0, 0, codeLengthOrder.length);
    for (let at = 0; at < codeLengthCount; at++) lengths[codeLengthOrder[at]!] = this.#take(3);
    if (!this.#codeLengths.build(lengths, 0, codeLengthOrder.length)) return false;
    const count = literalCount + distanceCount;
    if (!this.#readLengths(count) || lengths[endOfBlock] === 0) return false;
    return (
      this.#memory.literals.build(lengths, 0, literalCount) &&
      this.#memory.distances.build(lengths, literalCount, count)
    );
  }

  #readLengths(count: number): boolean {
    const { entries } = this.#codeLengths;
    const lengths = this.#lengths;
    let at = 0;
    while (at < count && this.#position < this.#end) {
      const next = this.#bits.getInt32(this.#position >>> 3, true) >> (this.#position & 7);
      const entry = entries[next & codeLengthMask]!;
      const codeLength = entry & 15;
      const extraBits = (entry >>> 4) & 15;
      const symbol = entry >>> 16;
      this.#position += codeLength + extraBits;
      if (symbol < repeatPrevious) {
        lengths[at++] = symbol;
        continue;
      }
      if (symbol === repeatPrevious && at === 0) return false;
      const repeated = symbol === repeatPrevious ? lengths[at - 1]! : 0;
      const extra = (next >>> codeLength) & ((1 << extraBits) - 1);
      for (let left = extra + (symbol === repeatZeroLong ? 11 : 3); left > 0; left--)
        lengths[at++] = repeated;
    }
    return at === count;
  }

  /**
   * A block of codes. The loop is written out so that all it needs for a literal stays in local variables. Each look at
   * the input brings 25 bits or more: two literals, or a literal and a length of the first look, or one code and the
   * bits that belong to it.
   */
  #takeCompressed(literalTable: HuffmanTable, distanceTable: HuffmanTable, window: SlidingWindow): boolean {
    const bits = this.#bits;
    const { output } = this;
    const copier = this.#copier;
    const literals = literalTable.entries;
    const distances = distanceTable.entries;
    const end = this.#end;
    const maxSize = this.#maxSize;
    let position = this.#position;
    let size = this.#size;
    while (position < end && size <= maxSize) {
      let next = bits.getInt32(position >>> 3, true) >> (position & 7);
      let entry = literals[next & literalMask]!;
      if ((entry & kindMask) === EntryKind.literal) {
        output[size++] = entry >>> 16;
        position += entry & 15;
        next >>= entry & 15;
        entry = literals[next & literalMask]!;
      }
      if ((entry & EntryKind.subtable) !== 0) {
        next = bits.getInt32(position >>> 3, true) >> (position & 7);
        entry = literals[(entry >>> 16) + ((next >>> literalWidth) & ((1 << ((entry >>> 4) & 15)) - 1))]!;
      }
      position += entry & 15;
      if ((entry & kindMask) === EntryKind.literal) {
        output[size++] = entry >>> 16;
        continue;
      }
      if ((entry & EntryKind.match) === 0) {
        this.#position = position;
        this.#size = size;
        return (entry & EntryKind.end) !== 0 && size <= maxSize;
      }
      let extraBits = (entry >>> 4) & 15;
      const length = (entry >>> 16) + ((next >>> (entry & 15)) & ((1 << extraBits) - 1));
      position += extraBits;

      next = bits.getInt32(position >>> 3, true) >> (position & 7);
      entry = distances[next & distanceMask]!;
      if ((entry & EntryKind.subtable) !== 0) {
        entry = distances[(entry >>> 16) + ((next >>> distanceWidth) & ((1 << ((entry >>> 4) & 15)) - 1))]!;
      }
      if ((entry & EntryKind.match) === 0) return false;
      position += entry & 15;
      extraBits = (entry >>> 4) & 15;
      next = bits.getInt32(position >>> 3, true) >> (position & 7);
      const distance = (entry >>> 16) + (next & ((1 << extraBits) - 1));
      position += extraBits;

      size = copier.copy(size, length, distance, window);
      if (size < 0) return false;
    }
    return false;
  }
}
