import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EntryKind,
  HuffmanTable,
  kindMask,
  symbolEntry,
} from "../../../../protocol/extensions/permessage-deflate/huffman-table.js";
import { cases } from "../../../support/cases.js";

const width = 4;

function literals(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, symbol) => symbolEntry(symbol, 0, EntryKind.literal));
}

/** Returns the canonical codes of RFC 1951 3.2.2 by their symbol, first bit first. */
function codesOf(lengths: readonly number[]): Map<number, string> {
  const codes = new Map<number, string>();
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    code <<= 1;
    for (const [symbol, own] of lengths.entries()) {
      if (own === length) codes.set(symbol, (code++).toString(2).padStart(length, "0"));
    }
  }
  return codes;
}

/** Looks up the code at the start of `bits`. */
function lookUp(table: HuffmanTable, bits: string): { symbol: number; length: number } {
  const input = Number.parseInt(Array.from(bits.padEnd(20, "10")).reverse().join(""), 2);
  let entry = table.entries[input & (2 ** width - 1)]!;
  if ((entry & kindMask) === EntryKind.subtable) {
    const subwidth = (entry >>> 4) & 15;
    entry = table.entries[(entry >>> 16) + ((input >> width) & (2 ** subwidth - 1))]!;
  }
  return { symbol: entry >>> 16, length: entry & 15 };
}

function expectCodes(table: HuffmanTable, lengths: readonly number[]): void {
  expect(table.build(Uint8Array.from(lengths), 0, lengths.length)).toBe(true);
  for (const [symbol, code] of codesOf(lengths)) {
    expect(lookUp(table, code)).toEqual({ symbol, length: code.length });
  }
}

/** Code lengths of a complete set: the depths of the leaves of a tree that is split repeatedly. */
const completeSets = fc.array(fc.nat(), { maxLength: 60 }).chain((splits) => {
  const leaves = [1, 1];
  for (const split of splits) {
    const at = split % leaves.length;
    if (leaves[at]! < 15) leaves.splice(at, 1, leaves[at]! + 1, leaves[at]! + 1);
  }
  return fc.shuffledSubarray([...leaves, 0, 0, 0], { minLength: leaves.length + 3 });
});

describe("HuffmanTable", () => {
  it("finds every code of the example in RFC 1951 3.2.2", () => {
    expectCodes(new HuffmanTable(literals(8), width), [3, 3, 3, 3, 3, 2, 4, 4]);
  });

  it("finds codes longer than its width, up to 15 bits", () => {
    const lengths = [...Array.from({ length: 14 }, (_, index) => index + 1), 15, 15];
    expectCodes(new HuffmanTable(literals(16), width), lengths);
    expectCodes(new HuffmanTable(literals(16), width), [...lengths].reverse());
  });

  it("finds the codes of any complete set after it was used for another one", () => {
    const table = new HuffmanTable(literals(64 + 3), width);
    fc.assert(
      fc.property(completeSets, (lengths) => expectCodes(table, lengths)),
      { numRuns: cases(100) },
    );
  });

  it("reads the lengths from the given range", () => {
    const table = new HuffmanTable(literals(2), width);
    expect(table.build(Uint8Array.of(7, 7, 1, 1, 7), 2, 4)).toBe(true);
    expect(lookUp(table, "1")).toEqual({ symbol: 1, length: 1 });
  });

  it.each([
    ["no codes", [0, 0]],
    ["one code that is not a complete set", [1, 0]],
    ["codes that are not a complete set", [2, 2, 2]],
    ["too many codes", [1, 1, 2]],
    ["far too many short codes", [1, 1, 1, 15]],
  ])("rejects %s", (_, lengths) => {
    expect(new HuffmanTable(literals(4), width).build(Uint8Array.from(lengths), 0, lengths.length)).toBe(
      false,
    );
  });

  it("accepts one code of one bit and no code at all if the set may be sparse, and forbids the other bits", () => {
    const table = new HuffmanTable(literals(8), width);
    expectCodes(table, [3, 3, 3, 3, 3, 2, 4, 4]);
    expect(table.build(Uint8Array.of(0, 0, 1), 0, 3, true)).toBe(true);
    expect(lookUp(table, "0")).toEqual({ symbol: 2, length: 1 });
    const entryOf = (bits: number): number => table.entries[bits]! & kindMask;
    for (const bits of [0b1, 0b11, 0b1111]) expect(entryOf(bits)).toBe(EntryKind.forbidden);
    expect(table.build(Uint8Array.of(0, 0, 0), 0, 3, true)).toBe(true);
    for (const bits of [0, 1, 2, 15]) expect(entryOf(bits)).toBe(EntryKind.forbidden);
    for (const lengths of [
      [2, 0],
      [2, 2, 2],
      [1, 1, 1],
    ])
      expect(table.build(Uint8Array.from(lengths), 0, lengths.length, true)).toBe(false);
  });
});
