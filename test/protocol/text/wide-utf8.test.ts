import { afterEach, describe, expect, it, vi } from "vitest";
import { maxWideTextSize, WideUtf8Decoder } from "../../../protocol/text/wide-utf8.js";
import { edgeCharacters } from "../../support/utf8-table.js";

/** A character of each size in UTF-8, from 1 to 4 bytes. */
const characters = ["a", "é", "€", "😀"];

/** Gives it 1 MiB, the last of which it decodes. */
function wideDecoder(): WideUtf8Decoder {
  const decoder = new WideUtf8Decoder();
  const text = Buffer.alloc(maxWideTextSize, "é");
  for (let size = text.length; size < 1024 * 1024; size += text.length) decoder.decode(text);
  expect(decoder.decode(text)).toBe("é".repeat(text.length / 2));
  return decoder;
}

const decoder = wideDecoder();

function expectDecoded(text: string): void {
  const decoded = decoder.decode(Buffer.from(text));
  // Thousands of calls of `expect` take seconds.
  if (decoded !== text) expect(decoded).toBe(text);
}

/** All texts of so many characters, one of each size. */
function textsOf(count: number): string[] {
  if (count === 0) return [""];
  return textsOf(count - 1).flatMap((text) => characters.map((character) => text + character));
}

describe("WideUtf8Decoder", () => {
  it("decodes every succession of sizes, at every place of the bytes that are looked at together", () => {
    const texts = textsOf(6);
    for (const text of texts) expectDecoded(text);
    for (const [index, text] of texts.entries()) {
      const before = characters[index % 4]!.repeat(index % 61);
      expectDecoded(before + text);
      expectDecoded(`${before}${text}${before}`);
    }
  });

  it.each(edgeCharacters)("decodes %j at every place between characters of each size", (character) => {
    for (const around of characters) {
      for (let count = 0; count <= 70; count++) {
        expectDecoded(around.repeat(count) + character);
        expectDecoded(`${around.repeat(count)}${character}${around.repeat(70 - count)}`);
      }
    }
  });

  it("decodes text of every size around that of one vector, of two, and of those that it looks at together", () => {
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

  it.each(characters)("decodes as much of %j as it takes", (character) => {
    const size = Buffer.byteLength(character);
    expectDecoded(character.repeat(maxWideTextSize / size));
    expectDecoded("\n".repeat(maxWideTextSize % size) + character.repeat(Math.floor(maxWideTextSize / size)));
  });

  it("decodes long stretches of ASCII with characters of more bytes between", () => {
    for (let count = 0; count < 100; count++) {
      const stretch = "the quick brown fox, ".repeat(6).slice(0, count);
      expectDecoded(characters.map((character) => stretch + character).join(stretch));
    }
  });

  it("keeps a byte order mark, and U+FFFD where the text has it", () => {
    for (const text of ["\ufeff", "\ufeffé", "é\ufeff", "\ufffd", "a\ufffdé\ufffd", "\ufffd".repeat(40)])
      expectDecoded(text);
  });

  it("decodes surrogate pairs from the first to the last", () => {
    for (const pair of ["\u{10000}", "\u{103ff}", "\u{10400}", "\u{10fc00}", "\u{10ffff}"]) {
      expectDecoded(pair.repeat(20));
      expectDecoded(`a${pair}é${pair}€${pair}`);
    }
  });

  it("takes nothing of the text before into a shorter one", () => {
    const long = Buffer.alloc(maxWideTextSize, "€");
    for (let count = 0; count < 40; count++) {
      decoder.decode(long);
      expectDecoded("é".repeat(count));
    }
  });
});

describe("what it takes to make it", () => {
  afterEach(() => vi.unstubAllGlobals());

  const text = Buffer.alloc(1024, "é");

  it("decodes nothing before 1 MiB has come", () => {
    const made = new WideUtf8Decoder();
    for (let count = 1; count < 1024; count++) expect(made.decode(text)).toBeUndefined();
    expect(made.decode(text)).toBe("é".repeat(512));
  });

  it("decodes nothing where the process has no WebAssembly, or refuses the memory, and tries once", () => {
    const Module = vi.fn(function () {
      throw new RangeError("out of memory");
    });
    for (const assembly of [undefined, { Module }]) {
      vi.stubGlobal("WebAssembly", assembly);
      const refused = new WideUtf8Decoder();
      for (let count = 0; count < 2000; count++) expect(refused.decode(text)).toBeUndefined();
    }
    expect(Module).toHaveBeenCalledOnce();
  });
});
