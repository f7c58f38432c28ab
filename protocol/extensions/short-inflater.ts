import type { Buffer } from "node:buffer";
import {
  codeLengthSymbols,
  codeLengthWidth,
  distanceSymbols,
  distanceWidth,
  fixedTables,
  literalSymbols,
  literalWidth,
} from "./deflate-alphabets.js";
import { EntryKind, HuffmanTable, kindMask } from "./huffman-table.js";
import { MatchCopier } from "./match-copier.js";
import type { SlidingWindow } from "./sliding-window.js";

/** The longest message that is taken: with more bytes zlib has made up for its slow start. */
const maxInputSize = 4 * 1024;
const maxOutputSize = 64 * 1024;

/** Whether the message has ended is looked up once a step, and a step reads no more than this behind its end. */
const inputMargin = 16;

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

/** Stands in the place of a size: the message is one for zlib. */
const declined = -1;

/**
 * Inflates short messages in less time than zlib takes to be given its window.
 *
 * Whatever is long, rare or not valid it declines, and leaves to zlib: final blocks, codes that are no complete set,
 * a message that ends inside a block. So what is wrong with a message is for zlib alone to say.
 */
export class ShortInflater {
  readonly #input: Uint8Array = new Uint8Array(maxInputSize + inputMargin);
  readonly #bits: DataView = new DataView(this.#input.buffer);
  readonly #copier: MatchCopier = new MatchCopier(maxOutputSize);
  readonly #fixed: { literals: HuffmanTable; distances: HuffmanTable } = fixedTables();
  readonly #literals: HuffmanTable = new HuffmanTable(literalSymbols(), literalWidth);
  readonly #distances: HuffmanTable = new HuffmanTable(distanceSymbols(), distanceWidth);
  readonly #codeLengths: HuffmanTable = new HuffmanTable(codeLengthSymbols(), codeLengthWidth);
  readonly #lengths: Uint8Array = new Uint8Array(maxLiteralCodes + maxDistanceCodes + maxRepeat);
  /** In bits. */
  #position = 0;
  #end = 0;
  #size = 0;
  #maxSize = 0;

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
    if (compressed.length > maxInputSize) return declined;
    this.#input.set(compressed);
    this.#position = 0;
    this.#end = compressed.length * 8;
    this.#size = 0;
    this.#maxSize = Math.min(maxSize, maxOutputSize);
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
        return this.#takeCompressed(this.#fixed.literals, this.#fixed.distances, window);
      case BlockHeader.dynamic:
        return this.#readTables() && this.#takeCompressed(this.#literals, this.#distances, window);
      default:
        return false;
    }
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
      this.#literals.build(lengths, 0, literalCount) && this.#distances.build(lengths, literalCount, count)
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
