// The symbols of DEFLATE (RFC 1951 3.2.5 to 3.2.7) as entries of Huffman tables, and the tables of the fixed codes.
import { EntryKind, HuffmanTable, symbolEntry } from "./huffman-table.js";

// The first lookup in a table uses this number of input bits. All fixed codes and most dynamic codes have at most 9
// bits.
export const literalWidth = 9;
export const distanceWidth = 9;
export const codeLengthWidth = 7;

const endOfBlock = 256;

/** Returns the symbols for literals, for the end of a block, and for the lengths of matches (RFC 1951 3.2.5). */
export function literalSymbols(): Int32Array {
  const symbols = new Int32Array(288);
  for (let literal = 0; literal < endOfBlock; literal++)
    symbols[literal] = symbolEntry(literal, 0, EntryKind.literal);
  symbols[endOfBlock] = symbolEntry(0, 0, EntryKind.end);
  fillRanges(symbols, endOfBlock + 1, 285, 3, 4);
  symbols[285] = symbolEntry(258, 0, EntryKind.match);
  // RFC 1951 3.2.6: the symbols 286 and 287 have a fixed code but never occur in valid data.
  symbols.fill(symbolEntry(0, 0, EntryKind.forbidden), 286);
  return symbols;
}

/** Returns the symbols for the distances of matches (RFC 1951 3.2.5). */
export function distanceSymbols(): Int32Array {
  const symbols = new Int32Array(32);
  fillRanges(symbols, 0, 30, 1, 2);
  symbols.fill(symbolEntry(0, 0, EntryKind.forbidden), 30);
  return symbols;
}

/**
 * Assigns consecutive ranges of values to the symbols from `start` to `end`. The first `2 * perWidth` symbols have one
 * value each. After these symbols, the number of extra bits grows by one every `perWidth` symbols.
 */
function fillRanges(symbols: Int32Array, start: number, end: number, first: number, perWidth: number): void {
  let value = first;
  for (let symbol = start; symbol < end; symbol++) {
    const extraBits = Math.max(0, Math.floor((symbol - start) / perWidth) - 1);
    symbols[symbol] = symbolEntry(value, extraBits, EntryKind.match);
    value += 1 << extraBits;
  }
}

/**
 * Returns the symbols for code lengths and for their repetition (RFC 1951 3.2.7). The kind of each symbol is `literal`.
 */
export function codeLengthSymbols(): Int32Array {
  const extraBits = [...new Array<number>(16).fill(0), 2, 3, 7];
  return Int32Array.from(extraBits, (bits, symbol) => symbolEntry(symbol, bits, EntryKind.literal));
}

/** Returns the tables of a block with fixed codes (RFC 1951 3.2.6). */
export function fixedTables(): { literals: HuffmanTable; distances: HuffmanTable } {
  const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  const literals = new HuffmanTable(literalSymbols(), literalWidth);
  literals.build(lengths, 0, 288);
  const distances = new HuffmanTable(distanceSymbols(), distanceWidth);
  distances.build(lengths.fill(5), 0, 32);
  return { literals, distances };
}
