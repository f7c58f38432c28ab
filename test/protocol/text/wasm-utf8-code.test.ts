import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  shuffleMasksOffset,
  wasmUtf8Function,
  writeShuffleMasks,
} from "../../../protocol/text/wasm-utf8-code.js";
import { instantiate, type WasmInstance } from "../../../protocol/wasm-module.js";
import { cases } from "../../support/cases.js";
import { edgeCharacters } from "../../support/utf8-table.js";

const page = 64 * 1024;
const textOffset = 8 * 1024;
const unitsOffset = page;

function create(offset = unitsOffset): WasmInstance {
  const instance = instantiate(3, wasmUtf8Function(offset))!;
  writeShuffleMasks(instance.memory);
  return instance;
}

const shared = create();

/** Decodes `bytes` at `address`, preceded by the end of a complete text. */
function decode(
  bytes: Uint8Array,
  address: number,
  { memory, call }: WasmInstance = shared,
  before: Uint8Array = Buffer.alloc(3),
): string {
  new Uint8Array(memory).set(before, address - before.length);
  new Uint8Array(memory).set(bytes, address);
  const count = call(address, address + bytes.length, unitsOffset);
  return Buffer.from(memory, unitsOffset, count * 2).toString("utf16le");
}

describe("writeShuffleMasks()", () => {
  const memory = new ArrayBuffer(page);
  new Uint8Array(memory).fill(0x55);
  writeShuffleMasks(memory);
  const maskOf = (set: number): number[] => [...new Uint8Array(memory, shuffleMasksOffset + set * 16, 16)];
  const rest = (count: number): number[] => Array<number>(count).fill(0xff);

  it.each([
    ["no unit", 0b0000_0000, rest(16)],
    ["the first unit", 0b0000_0001, [0, 1, ...rest(14)]],
    ["the last unit", 0b1000_0000, [14, 15, ...rest(14)]],
    ["three units", 0b0010_0110, [2, 3, 4, 5, 10, 11, ...rest(10)]],
    ["all units", 0b1111_1111, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
  ])("selects %s", (_, set, expected) => {
    expect(maskOf(set)).toEqual(expected);
  });

  it("writes 256 masks and nothing after them", () => {
    expect(new Uint8Array(memory)[shuffleMasksOffset + 256 * 16]).toBe(0x55);
  });
});

describe("the decoding function", () => {
  it.each([
    ["nothing", "", 0],
    ["an ASCII character", "a", 1],
    ["a character of two bytes", "é", 1],
    ["a character of three bytes", "€", 1],
    ["a character of four bytes as two surrogates", "😀", 2],
    ["characters of all sizes", "aé€😀", 5],
  ])("returns the number of UTF-16 code units: %s", (_, text, expected) => {
    const bytes = Buffer.from(text);
    new Uint8Array(shared.memory).set(bytes, textOffset);
    expect(shared.call(textOffset, textOffset + bytes.length, unitsOffset)).toBe(expected);
    expect(decode(bytes, textOffset)).toBe(text);
  });

  it.each([60, 61, 62, 63, 64, 65])("decodes each character after %i ASCII characters", (count) => {
    for (const character of edgeCharacters) {
      const text = `${"a".repeat(count)}${character}${"b".repeat(count)}`;
      expect(decode(Buffer.from(text), textOffset)).toBe(text);
    }
  });

  it("decodes any text at any address", () => {
    const characters = fc.constantFrom(...edgeCharacters, "a", "é", "€", "😀");
    const text = fc.string({ unit: characters, maxLength: 150 });
    const address = fc.integer({ min: textOffset, max: textOffset + 200 });
    const property = fc.property(text, address, (given, at) => {
      expect(decode(Buffer.from(given), at)).toBe(given);
    });
    fc.assert(property, { numRuns: cases(1000) });
  });

  it.each(["a", "é", "€", "😀"])("ignores a complete character %j before the text", (before) => {
    const bytes = Buffer.from(before);
    for (const text of ["", "a", "é", "aé€😀", "😀", "a".repeat(70)])
      expect(decode(Buffer.from(text), textOffset, create(), bytes)).toBe(text);
  });

  it("ignores the rest of a longer text", () => {
    decode(Buffer.alloc(400, "😀"), textOffset);
    for (let count = 0; count < 70; count++) {
      const text = "é".repeat(count);
      expect(decode(Buffer.from(text), textOffset)).toBe(text);
    }
  });

  it("overwrites 64 bytes after the text with zeros and changes no other byte before the units", () => {
    const instance = create();
    const bytes = new Uint8Array(instance.memory, 0, unitsOffset);
    bytes.fill(0x61, textOffset);
    const text = Buffer.from("aé€😀".repeat(30));
    bytes.set(text, textOffset);
    const expected = Buffer.from(bytes);
    const end = textOffset + text.length;
    expected.fill(0, end, end + 64);
    instance.call(textOffset, end, unitsOffset);
    expect(Buffer.from(bytes).equals(expected)).toBe(true);
  });

  it("writes the units at the offset for which it was generated", () => {
    const offset = 2 * page;
    const instance = create(offset);
    const bytes = Buffer.from("aé€😀");
    new Uint8Array(instance.memory).set(bytes, textOffset);
    expect(instance.call(textOffset, textOffset + bytes.length, offset)).toBe(5);
    expect(Buffer.from(instance.memory, offset, 10).toString("utf16le")).toBe("aé€😀");
    expect(Buffer.from(instance.memory, page, page).every((byte) => byte === 0)).toBe(true);
  });
});
