import { afterEach, describe, expect, it, vi } from "vitest";
import { maxWasmTextSize, WasmUtf8Decoder } from "../../../protocol/text/wasm-utf8.js";
import { edgeCharacters } from "../../support/utf8-table.js";

/** A character of each size in UTF-8, from 1 to 4 bytes. */
const characters = ["a", "é", "€", "😀"];

/** Creates a decoder and passes it 1 MiB, after which it decodes. */
function wasmDecoder(): WasmUtf8Decoder {
  const decoder = new WasmUtf8Decoder();
  const text = Buffer.alloc(maxWasmTextSize, "é");
  for (let size = text.length; size < 1024 * 1024; size += text.length) decoder.decode(text);
  expect(decoder.decode(text)).toBe("é".repeat(text.length / 2));
  return decoder;
}

const decoder = wasmDecoder();

function expectDecoded(text: string): void {
  const decoded = decoder.decode(Buffer.from(text));
  // Thousands of calls of `expect` would take seconds.
  if (decoded !== text) expect(decoded).toBe(text);
}

/** Returns all texts of `count` characters, with each character size at each position. */
function textsOf(count: number): string[] {
  if (count === 0) return [""];
  return textsOf(count - 1).flatMap((text) => characters.map((character) => text + character));
}

describe("WasmUtf8Decoder", () => {
  it("decodes every sequence of character sizes at every position in a block", () => {
    const texts = textsOf(6);
    for (const text of texts) expectDecoded(text);
    for (const [index, text] of texts.entries()) {
      const before = characters[index % 4]!.repeat(index % 61);
      expectDecoded(before + text);
      expectDecoded(`${before}${text}${before}`);
    }
  });

  it.each(edgeCharacters)("decodes %j at every position between characters of each size", (character) => {
    for (const around of characters) {
      for (let count = 0; count <= 70; count++) {
        expectDecoded(around.repeat(count) + character);
        expectDecoded(`${around.repeat(count)}${character}${around.repeat(70 - count)}`);
      }
    }
  });

  it("decodes texts of sizes around one vector, two vectors and one block", () => {
    const sizes = [0, 1, 11, 12, 13, 15, 16, 17, 31, 32, 33, 47, 48, 51, 52, 53, 63, 64, 65, 79, 80, 81, 128];
    for (const last of characters) {
      for (const filler of characters) {
        for (const size of sizes) {
          let text = last;
          while (Buffer.byteLength(filler + text) <= size) text = filler + text;
          const padding = Math.max(0, size - Buffer.byteLength(text));
          expectDecoded("a".repeat(padding) + text);
          expectDecoded(text + "a".repeat(padding));
        }
      }
    }
  });

  it.each(characters)("decodes a text of the largest size that consists of %j", (character) => {
    const size = Buffer.byteLength(character);
    expectDecoded(character.repeat(maxWasmTextSize / size));
    expectDecoded("\n".repeat(maxWasmTextSize % size) + character.repeat(Math.floor(maxWasmTextSize / size)));
  });

  it("decodes long ASCII parts with other characters between them", () => {
    for (let count = 0; count < 100; count++) {
      const ascii = "the quick brown fox, ".repeat(6).slice(0, count);
      expectDecoded(characters.map((character) => ascii + character).join(ascii));
    }
  });

  it("keeps a byte order mark and U+FFFD", () => {
    for (const text of ["\ufeff", "\ufeffé", "é\ufeff", "\ufffd", "a\ufffdé\ufffd", "\ufffd".repeat(40)])
      expectDecoded(text);
  });

  it("decodes surrogate pairs from the first to the last", () => {
    for (const pair of ["\u{10000}", "\u{103ff}", "\u{10400}", "\u{10fc00}", "\u{10ffff}"]) {
      expectDecoded(pair.repeat(20));
      expectDecoded(`a${pair}é${pair}€${pair}`);
    }
  });

  it("does not mix the rest of a previous text into a shorter one", () => {
    const long = Buffer.alloc(maxWasmTextSize, "€");
    for (let count = 0; count < 40; count++) {
      decoder.decode(long);
      expectDecoded("é".repeat(count));
    }
  });
});

describe("WasmUtf8Decoder before its module is created", () => {
  afterEach(() => vi.unstubAllGlobals());

  const text = Buffer.alloc(1024, "é");

  it("returns undefined until 1 MiB was received", () => {
    const made = new WasmUtf8Decoder();
    for (let count = 1; count < 1024; count++) expect(made.decode(text)).toBeUndefined();
    expect(made.decode(text)).toBe("é".repeat(512));
  });

  it("returns undefined without WebAssembly or without memory, and tries only once", () => {
    const Module = vi.fn(function () {
      throw new RangeError("out of memory");
    });
    for (const assembly of [undefined, { Module }]) {
      vi.stubGlobal("WebAssembly", assembly);
      const refused = new WasmUtf8Decoder();
      for (let count = 0; count < 2000; count++) expect(refused.decode(text)).toBeUndefined();
    }
    expect(Module).toHaveBeenCalledOnce();
  });
});
