import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeText, decodeValid, Utf8Validator } from "../../../protocol/text/utf8.js";
import { expectAtEverySplit, type FeedSubject } from "../../support/feed.js";
import { badUtf8, edgeCharacters, checkUtf8 } from "../../support/utf8-table.js";

const edges = edgeCharacters.join("");

/** Sizes around the limits at which the decoding method changes. */
const paddings = [0, 1, 7, 100, 127, 128, 500, 511, 512, 513, 1000, 2000, 4000, 65_536, 70_000];

/** Decodes 1 MiB of non-ASCII text. After that, WebAssembly is used if it is faster. */
function decodeMuch(decode: typeof decodeText): void {
  const text = Buffer.alloc(1024, "é");
  for (let count = 0; count < 1024; count++) decode(text, 0, text.length);
}

describe("checkUtf8, the reference of these tests", () => {
  it("agrees with TextDecoder on every first byte followed by boundary values", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const seconds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    for (let lead = 0; lead < 256; lead++) {
      for (const second of seconds) {
        for (const tail of [[], [0x80], [0x80, 0xbf], [0xbf, 0x80, 0x41]]) {
          const bytes = Uint8Array.of(lead, second, ...tail);
          const { badAt, isWhole } = checkUtf8(bytes);
          let isText = true;
          try {
            decoder.decode(bytes);
          } catch {
            isText = false;
          }
          if (isText !== (badAt === -1 && isWhole))
            expect.unreachable(`judged wrongly: ${[...bytes].join()}`);
        }
      }
    }
  });
});

describe.each([
  ["before WebAssembly is used", () => undefined],
  ["after 1 MiB of non-ASCII text", () => decodeMuch(decodeText)],
])("decodeText %s", (_when, prepare) => {
  beforeAll(prepare);

  function decode(bytes: Uint8Array): string | undefined {
    const around = Buffer.concat([Buffer.from([0xe2]), bytes, Buffer.from([0x82])]);
    return decodeText(around, 1, 1 + bytes.length);
  }

  it.each(paddings)("decodes text with %d ASCII characters", (size) => {
    const ascii = "a".repeat(size);
    for (const text of [ascii, ascii + edges, ascii + "\ufffd", `${edges}${ascii}`]) {
      expect(decode(Buffer.from(text))).toBe(text);
    }
  });

  it.each(paddings)("returns undefined for each invalid sequence after %d ASCII characters", (size) => {
    const ascii = "a".repeat(size);
    for (const [what, bad] of badUtf8) {
      expect(decode(Buffer.from([...Buffer.from(ascii), ...bad])), what).toBeUndefined();
      expect(decode(Buffer.from([...Buffer.from(`${ascii}\ufffd`), ...bad])), what).toBeUndefined();
      expect(decode(Buffer.from([...bad, ...Buffer.from(ascii)])), what).toBeUndefined();
    }
  });

  it.each(paddings)("returns undefined for an incomplete sequence after %d ASCII characters", (size) => {
    for (const cut of [[0xc3], [0xe2], [0xe2, 0x82], [0xf0], [0xf0, 0x9f], [0xf0, 0x9f, 0x98]]) {
      expect(decode(Buffer.from([...Buffer.from("a".repeat(size)), ...cut]))).toBeUndefined();
    }
  });
});

describe("the decoding methods", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("give the same text in any order of ASCII, mostly ASCII and non-ASCII texts", () => {
    decodeMuch(decodeText);
    const texts = [127, 128, 300, 511, 512, 1024, 65_536, 70_000].flatMap((size) => [
      "a".repeat(size),
      `${"a".repeat(size - 2)}é`,
      "é".repeat(size / 2),
    ]);
    for (const first of texts) {
      for (const second of texts) {
        for (const text of [first, second]) {
          const bytes = Buffer.from(text);
          if (decodeText(bytes, 0, bytes.length) !== text) expect.unreachable(`decoded wrongly: ${text}`);
          expect(decodeValid(bytes, 0, bytes.length, bytes.length === text.length)).toBe(text);
        }
      }
    }
  });

  it("work without WebAssembly", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    vi.resetModules();
    const without = await import("../../../protocol/text/utf8.js");
    decodeMuch(without.decodeText);
    for (const size of paddings) {
      const bytes = Buffer.from("€".repeat(size) + edges);
      expect(without.decodeText(bytes, 0, bytes.length)).toBe(bytes.toString());
      expect(without.decodeText(bytes, 1, bytes.length)).toBe(size === 0 ? edges.slice(1) : undefined);
    }
  });
});

describe("Utf8Validator", () => {
  /** Records "bad" at the first invalid piece and ignores later ones, or records "good" at the end of the input. */
  function validatorOf(input: Uint8Array): FeedSubject<"bad" | "good"> {
    const validator = new Utf8Validator();
    const calls: ("bad" | "good")[] = [];
    let received = 0;
    const receive = (bytes: Buffer, start: number, end: number): void => {
      if (calls.length > 0) return;
      received += end - start;
      if (!validator.push(bytes, start, end)) calls.push("bad");
      else if (received === input.length) calls.push("good");
    };
    return { calls, receive };
  }

  it.each(paddings)("accepts text at every split, with %d ASCII characters before it", (size) => {
    const text = Buffer.from("a".repeat(size) + edges);
    expectAtEverySplit(text, () => validatorOf(text), ["good"]);
  });

  it.each(badUtf8)("rejects %s at every split, alone and inside a text", (_what, bad) => {
    for (const bytes of [
      Buffer.from(bad),
      Buffer.from([0x61, ...bad]),
      Buffer.from([0xe2, 0x82, 0xac, ...bad, 0x61]),
    ]) {
      expectAtEverySplit(bytes, () => validatorOf(bytes), ["bad"]);
    }
  });

  it.each(badUtf8)("rejects %s at its first invalid byte", (_what, bad, badAt) => {
    expect(checkUtf8(Uint8Array.from(bad)).badAt).toBe(badAt);
    for (let start = 0; start <= badAt; start++) {
      const validator = new Utf8Validator();
      const bytes = Uint8Array.from(bad);
      if (start > 0) expect(validator.push(bytes, 0, start)).toBe(true);
      for (let at = start; at < badAt; at++) expect(validator.push(bytes, at, at + 1)).toBe(true);
      expect(validator.push(bytes, badAt, badAt + 1)).toBe(false);
    }
  });

  it.each(badUtf8)("rejects %s in the first piece that contains the invalid byte", (_what, bad, badAt) => {
    const bytes = Uint8Array.from([0x61, 0xc3, 0xa9, ...bad]);
    const index = 3 + badAt;
    for (let start = 0; start <= index; start++) {
      const validator = new Utf8Validator();
      expect(validator.push(bytes, 0, start)).toBe(true);
      expect(validator.push(bytes, start, index + 1)).toBe(false);
    }
  });

  it.each(edgeCharacters)(
    "accepts each incomplete part of %j, but no other character after it",
    (character) => {
      const bytes = Buffer.from(`${character}a`);
      for (let end = 0; end < bytes.length; end++) {
        const validator = new Utf8Validator();
        expect(validator.push(bytes, 0, end)).toBe(true);
        const isInside = end > 0 && end < bytes.length - 1;
        expect(validator.push(Buffer.from("a"), 0, 1)).toBe(!isInside);
      }
    },
  );

  it("ignores an empty piece", () => {
    const validator = new Utf8Validator();
    const bytes = Buffer.from("€€");
    expect(validator.push(bytes, 0, 2)).toBe(true);
    expect(validator.push(bytes, 2, 2)).toBe(true);
    expect(validator.push(bytes, 2, 6)).toBe(true);
    expect(validator.push(bytes, 1, 2)).toBe(false);
  });
});
