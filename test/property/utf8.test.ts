import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText, decodeValid } from "../../protocol/text/utf8.js";
import { maxWasmTextSize, WasmUtf8Decoder } from "../../protocol/text/wasm-utf8.js";
import { cases } from "../support/cases.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Characters between two code points, without surrogates. */
function charactersOf(first: number, last: number): fc.Arbitrary<string> {
  const codePoint = fc.integer({ min: first, max: last });
  const isSurrogate = (value: number): boolean => value >= 0xd800 && value < 0xe000;
  return codePoint.filter((value) => !isSurrogate(value)).map((value) => String.fromCodePoint(value));
}

const sizes = [
  charactersOf(0, 0x7f),
  charactersOf(0x80, 0x7ff),
  charactersOf(0x800, 0xffff),
  charactersOf(0x10000, 0x10ffff),
];

/** Runs of characters of equal or mixed encoded size, up to about 2 KiB in total. */
const text = fc
  .array(
    fc.oneof(
      ...sizes.map((unit) => fc.string({ unit, maxLength: 40, size: "max" })),
      fc.string({ unit: fc.oneof(...sizes), maxLength: 40, size: "max" }),
    ),
    { maxLength: 24, size: "max" },
  )
  .map((stretches) => stretches.join(""));

const memory = Buffer.alloc(2 * maxWasmTextSize);

function decodeBetween(bytes: Uint8Array, start: number): string | undefined {
  memory.fill(0xbf).set(bytes, start);
  return decodeText(memory, start, start + bytes.length);
}

describe("text of all Unicode planes", () => {
  const wasmDecoder = new WasmUtf8Decoder();
  const longText = Buffer.alloc(maxWasmTextSize, "é");
  for (let count = 0; count < 256; count++) {
    wasmDecoder.decode(longText);
    decodeText(longText, 0, longText.length);
  }

  it("is decoded by WebAssembly like by TextDecoder", () => {
    const property = fc.property(text, (input) => {
      const bytes = Buffer.from(input).subarray(0, maxWasmTextSize);
      fc.pre(decodeStrictly(bytes) === input);
      expect(wasmDecoder.decode(bytes)).toBe(input);
    });
    fc.assert(property, { numRuns: cases(1000) });
  });

  it("is decoded at any offset, regardless of earlier texts", () => {
    const property = fc.property(text, fc.nat(40), (input, start) => {
      const bytes = Buffer.from(input);
      expect(decodeBetween(bytes, start)).toBe(input);
      expect(decodeValid(memory, start, start + bytes.length, false)).toBe(input);
    });
    fc.assert(property, { numRuns: cases(500) });
  });

  it("with a changed byte is rejected or decoded like by TextDecoder", () => {
    const property = fc.property(text, fc.nat(), fc.nat(255), (input, at, byte) => {
      const bytes = Buffer.from(`€${input}`);
      bytes[at % bytes.length] = byte;
      expect(decodeBetween(bytes, 1)).toBe(decodeStrictly(bytes));
    });
    fc.assert(property, { numRuns: cases(1000) });
  });
});
