// The inflater of this package for small messages (RFC 1951), in JavaScript or WebAssembly. It reports no errors: it
// declines a message that it cannot inflate, and then zlib inflates the message.
import type { Buffer } from "node:buffer";
import { codeLengthSymbols, codeLengthWidth, distanceWidth, literalWidth } from "./deflate-alphabets.js";
import { EntryKind, HuffmanTable, kindMask } from "./huffman-table.js";
import { type InflateMemory, maxInputSize, maxOutputSize } from "./inflate-memory.js";
import type { SlidingWindow } from "./sliding-window.js";

/** Largest message in bytes that is inflated without WebAssembly. zlib inflates larger messages faster. */
const maxScriptSize = 4 * 1024;

/** Smallest message in bytes that is inflated by WebAssembly. JavaScript inflates a smaller message faster. */
const defaultMinWasmSize = 128;

const literalMask = (1 << literalWidth) - 1;
const distanceMask = (1 << distanceWidth) - 1;
const codeLengthMask = (1 << codeLengthWidth) - 1;

/** The first three bits of a block that is not the last of a stream (RFC 1951 3.2.3). */
const BlockHeader = { stored: 0b000, fixed: 0b010, dynamic: 0b100 } as const;

/** The order in which a block contains the lengths of the codes for code lengths (RFC 1951 3.2.7). */
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

/** Returned instead of a size if zlib must inflate the message. */
const declined = -1;

/**
 * Inflates a message in less time than zlib needs to load its window.
 *
 * It declines long messages and messages with a final block, with an incomplete set of codes or with an error. The
 * caller passes declined messages to zlib, so all errors are reported by zlib.
 */
export class MessageInflater {
  readonly #memory: InflateMemory;
  readonly #bits: DataView;
  readonly #minWasmSize: number;
  /** `true` if WebAssembly inflates the current message. */
  #usesWasm = false;
  readonly #codeLengths: HuffmanTable = new HuffmanTable(codeLengthSymbols(), codeLengthWidth);
  readonly #lengths: Uint8Array = new Uint8Array(maxLiteralCodes + maxDistanceCodes + maxRepeat);
  /** Current position in the input, in bits. */
  #position = 0;
  /** End of the input, in bits. */
  #end = 0;
  /** Size of the output in bytes. */
  #size = 0;
  #maxSize = 0;

  /** @param minWasmSize - Smallest message in bytes that WebAssembly inflates, if the memory supports WebAssembly. */
  constructor(memory: InflateMemory, minWasmSize: number = defaultMinWasmSize) {
    this.#memory = memory;
    this.#minWasmSize = memory.hasWasm ? minWasmSize : Infinity;
    this.#bits = memory.bits;
  }

  get hasWasm(): boolean {
    return this.#memory.hasWasm;
  }

  /** The buffer that contains the output of the last message, from index 0 on. */
  get output(): Buffer {
    return this.#memory.copier.bytes;
  }

  /**
   * Inflates a whole message to the start of {@link output}.
   *
   * @param compressed - The same bytes as for `Inflater.inflate`.
   * @param window - The bytes of earlier messages. It is not changed.
   * @returns The size of the output in bytes, or -1 if zlib must inflate the message.
   */
  inflate(compressed: Uint8Array, maxSize: number, window: SlidingWindow): number {
    this.#usesWasm = compressed.length >= this.#minWasmSize;
    if (compressed.length > (this.#usesWasm ? maxInputSize : maxScriptSize)) return declined;
    this.#memory.input.set(compressed);
    this.#position = 0;
    this.#end = compressed.length * 8;
    this.#size = 0;
    this.#maxSize = Math.min(maxSize, maxOutputSize);
    if (this.#usesWasm) this.#memory.begin(this.#end, this.#maxSize, window);
    for (;;) {
      const header = this.#readBits(3);
      if (header === BlockHeader.stored) {
        this.#position = (this.#position + 7) & ~7;
        // RFC 7692 7.2.2: the four bytes that the sender removed are the rest of an empty stored block.
        if (this.#position === this.#end) return this.#size;
      }
      if (!this.#inflateBlock(header, window)) return declined;
    }
  }

  #inflateBlock(header: number, window: SlidingWindow): boolean {
    switch (header) {
      case BlockHeader.stored:
        return this.#inflateStored();
      case BlockHeader.fixed:
        return this.#inflateCodes(this.#memory.fixed, window);
      case BlockHeader.dynamic:
        return this.#readTables() && this.#inflateCodes(this.#memory, window);
      default:
        return false;
    }
  }

  #inflateCodes(tables: Tables, window: SlidingWindow): boolean {
    if (!this.#usesWasm) return this.#inflateCodesInScript(tables, window);
    const memory = this.#memory;
    if (!memory.inflateBlock(this.#position, this.#size, tables === memory.fixed)) return false;
    this.#position = memory.position;
    this.#size = memory.size;
    return this.#size <= this.#maxSize;
  }

  /** Reads `count` bits, at most 16. Returns -1 at the end of the input. */
  #readBits(count: number): number {
    const position = this.#position;
    if (position >= this.#end) return declined;
    this.#position = position + count;
    return (this.#bits.getInt32(position >>> 3, true) >> (position & 7)) & ((1 << count) - 1);
  }

  /** Inflates a stored block, starting at its length field (RFC 1951 3.2.4). */
  #inflateStored(): boolean {
    const size = this.#readBits(16);
    const complement = this.#readBits(16);
    const start = this.#position >>> 3;
    const end = start + size;
    if (complement !== 0xffff - size || end * 8 > this.#end || this.#size + size > this.#maxSize)
      return false;
    this.output.set(this.#memory.input.subarray(start, end), this.#size);
    this.#size += size;
    this.#position = end * 8;
    return true;
  }

  /** Reads the codes of a dynamic block (RFC 1951 3.2.7). */
  #readTables(): boolean {
    const literalCount = this.#readBits(5) + 257;
    const distanceCount = this.#readBits(5) + 1;
    const codeLengthCount = this.#readBits(4) + 4;
    if (literalCount > maxLiteralCodes || distanceCount > maxDistanceCodes) return false;
    const lengths = this.#lengths.fill(0, 0, codeLengthOrder.length);
    for (let at = 0; at < codeLengthCount; at++) lengths[codeLengthOrder[at]!] = this.#readBits(3);
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
   * Inflates the codes of a block. The loop is not split into functions, so that its state stays in local variables.
   * Each read of the input returns at least 25 bits. That is enough for two literals, for a literal and a length code
   * of the first lookup, or for one code with its extra bits.
   */
  #inflateCodesInScript(tables: Tables, window: SlidingWindow): boolean {
    const bits = this.#bits;
    const { copier } = this.#memory;
    const output = copier.bytes;
    const literals = tables.literals.entries;
    const distances = tables.distances.entries;
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
