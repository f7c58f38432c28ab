import { describe, expect, it } from "vitest";
import {
  codeLengthSymbols,
  codeLengthWidth,
  distanceSymbols,
  distanceWidth,
  fixedTables,
  literalSymbols,
  literalWidth,
} from "../../../../protocol/extensions/permessage-deflate/deflate-alphabets.js";
import {
  EntryKind,
  type HuffmanTable,
  kindMask,
} from "../../../../protocol/extensions/permessage-deflate/huffman-table.js";

interface Entry {
  readonly value: number;
  readonly extraBits: number;
  readonly kind: number;
  readonly codeLength: number;
}

function decode(entry: number): Entry {
  return {
    value: entry >>> 16,
    extraBits: (entry >>> 4) & 15,
    kind: entry & kindMask,
    codeLength: entry & 15,
  };
}

function match(value: number, extraBits: number): Entry {
  return { value, extraBits, kind: EntryKind.match, codeLength: 0 };
}

/** The first length and the number of extra bits of the symbols 257 to 285: the table of RFC 1951 3.2.5. */
const lengthTable = [
  ...[3, 4, 5, 6, 7, 8, 9, 10].map((value) => match(value, 0)),
  ...[11, 13, 15, 17].map((value) => match(value, 1)),
  ...[19, 23, 27, 31].map((value) => match(value, 2)),
  ...[35, 43, 51, 59].map((value) => match(value, 3)),
  ...[67, 83, 99, 115].map((value) => match(value, 4)),
  ...[131, 163, 195, 227].map((value) => match(value, 5)),
  match(258, 0),
];

/** The first distance of the symbols 0 to 29, from the table of RFC 1951 3.2.5. */
const firstDistances = [
  ...[1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073],
  ...[4097, 6145, 8193, 12_289, 16_385, 24_577],
];

describe("literalSymbols", () => {
  const symbols = Array.from(literalSymbols(), decode);

  it("contains the 288 symbols that have a fixed code", () => {
    expect(symbols).toHaveLength(288);
  });

  it("represents the symbols 0 to 255 as literals without extra bits", () => {
    const literals = Array.from({ length: 256 }, (_, value) => ({
      ...match(value, 0),
      kind: EntryKind.literal,
    }));
    expect(symbols.slice(0, 256)).toEqual(literals);
  });

  it("represents 256 as the end of the block", () => {
    expect(symbols[256]).toEqual({ value: 0, extraBits: 0, kind: EntryKind.end, codeLength: 0 });
  });

  it("represents 257 to 285 as the match lengths of RFC 1951", () => {
    expect(symbols.slice(257, 286)).toEqual(lengthTable);
  });

  it("forbids 286 and 287", () => {
    expect(symbols.slice(286).map(({ kind }) => kind)).toEqual([EntryKind.forbidden, EntryKind.forbidden]);
  });
});

describe("distanceSymbols", () => {
  const symbols = Array.from(distanceSymbols(), decode);

  it("represents 0 to 29 as the distances of RFC 1951", () => {
    const expected = firstDistances.map((value, symbol) => match(value, Math.max(0, (symbol >> 1) - 1)));
    expect(symbols.slice(0, 30)).toEqual(expected);
  });

  it("has 32 KiB as its largest distance", () => {
    const { value, extraBits } = symbols[29]!;
    expect(value + 2 ** extraBits - 1).toBe(32 * 1024);
  });

  it("forbids 30 and 31", () => {
    expect(symbols.slice(30).map(({ kind }) => kind)).toEqual([EntryKind.forbidden, EntryKind.forbidden]);
  });
});

describe("codeLengthSymbols", () => {
  it("represents all 19 symbols as literals, the last three with 2, 3 and 7 extra bits", () => {
    const expected = Array.from({ length: 19 }, (_, value) => ({
      value,
      extraBits: [2, 3, 7][value - 16] ?? 0,
      kind: EntryKind.literal,
      codeLength: 0,
    }));
    expect(Array.from(codeLengthSymbols(), decode)).toEqual(expected);
  });

  it("has codes of at most 7 bits, so one lookup finds every code", () => {
    // RFC 1951 3.2.7: the length of such a code has 3 bits.
    expect(codeLengthWidth).toBe(2 ** 3 - 1);
  });
});

describe("fixedTables", () => {
  const { literals, distances } = fixedTables();

  /** Looks up a code, which is followed by bits that are all 0 or all 1. The first bit is the lowest of the index. */
  function lookUp(table: HuffmanTable, width: number, code: string): Entry {
    const [zeros, ones] = ["0", "1"].map((bit) => {
      const index = Number.parseInt(Array.from(code.padEnd(width, bit)).reverse().join(""), 2);
      return decode(table.entries[index]!);
    });
    expect(zeros).toEqual(ones);
    return zeros!;
  }

  /** The rows of the table in RFC 1951 3.2.6: the first and the last symbol, and the code of the first one. */
  it.each([
    [0, 143, "00110000"],
    [144, 255, "110010000"],
    [256, 279, "0000000"],
    [280, 287, "11000000"],
  ])("find the symbols %i to %i from the code %s on", (first, last, firstCode) => {
    const symbols = literalSymbols();
    for (let symbol = first; symbol <= last; symbol++) {
      const code = Number.parseInt(firstCode, 2) + symbol - first;
      const found = lookUp(literals, literalWidth, code.toString(2).padStart(firstCode.length, "0"));
      expect(found).toEqual({ ...decode(symbols[symbol]!), codeLength: firstCode.length });
    }
  });

  it("find every distance by its number in five bits", () => {
    for (const [symbol, entry] of distanceSymbols().entries()) {
      const found = lookUp(distances, distanceWidth, symbol.toString(2).padStart(5, "0"));
      expect(found).toEqual({ ...decode(entry), codeLength: 5 });
    }
  });

  it("need no subtables", () => {
    for (const [table, width] of [
      [literals, literalWidth],
      [distances, distanceWidth],
    ] as const) {
      const kinds = Array.from(table.entries.subarray(0, 2 ** width), (entry) => decode(entry).kind);
      expect(kinds).not.toContain(EntryKind.subtable);
    }
  });

  it("are created for each call, so that no two users share memory", () => {
    expect(fixedTables().literals.entries.buffer).not.toBe(literals.entries.buffer);
  });
});
