import { describe, expect, it } from "vitest";
import { decodeText, Utf8Validator } from "../../protocol/utf8.js";
import { expectAtEverySplit, type Fed } from "../support/feed.js";
import { badUtf8, edgeCharacters, judgeUtf8 } from "../support/utf8-table.js";

const edges = edgeCharacters.join("");

/** Sizes on both sides of the one from which on text is looked at before it is decoded. */
const paddings = [0, 1, 7, 500, 511, 512, 513, 1000];

describe("the reference", () => {
  it("agrees with TextDecoder on every sequence of two bytes and on every lead with edges behind it", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const seconds = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    for (let lead = 0; lead < 256; lead++) {
      for (const second of seconds) {
        for (const tail of [[], [0x80], [0x80, 0xbf], [0xbf, 0x80, 0x41]]) {
          const bytes = Uint8Array.of(lead, second, ...tail);
          const { badAt, isWhole } = judgeUtf8(bytes);
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

describe("decodeText", () => {
  function decode(bytes: Uint8Array): string | undefined {
    const around = Buffer.concat([Buffer.from([0xe2]), bytes, Buffer.from([0x82])]);
    return decodeText(around, 1, 1 + bytes.length);
  }

  it.each(paddings)("gives text, with %d characters of ASCII before it", (size) => {
    const ascii = "a".repeat(size);
    for (const text of [ascii, ascii + edges, ascii + "\ufffd", `${edges}${ascii}`]) {
      expect(decode(Buffer.from(text))).toBe(text);
    }
  });

  it.each(paddings)("refuses each bad sequence behind %d characters of ASCII", (size) => {
    const ascii = "a".repeat(size);
    for (const [what, bad] of badUtf8) {
      expect(decode(Buffer.from([...Buffer.from(ascii), ...bad])), what).toBeUndefined();
      expect(decode(Buffer.from([...Buffer.from(`${ascii}\ufffd`), ...bad])), what).toBeUndefined();
      expect(decode(Buffer.from([...bad, ...Buffer.from(ascii)])), what).toBeUndefined();
    }
  });

  it.each(paddings)("refuses a sequence that is cut off behind %d characters of ASCII", (size) => {
    for (const cut of [[0xc3], [0xe2], [0xe2, 0x82], [0xf0], [0xf0, 0x9f], [0xf0, 0x9f, 0x98]]) {
      expect(decode(Buffer.from([...Buffer.from("a".repeat(size)), ...cut]))).toBeUndefined();
    }
  });
});

describe("Utf8Validator", () => {
  type Verdict = "bad" | "open" | "whole";

  /** Writes down the verdict of each end of the input that a piece may have; it is given no piece behind a bad one. */
  function validatorAt(size: number): Fed<Verdict> {
    const validator = new Utf8Validator();
    const calls: Verdict[] = [];
    let received = 0;
    const receive = (bytes: Buffer, start: number, end: number): void => {
      if (calls[0] === "bad") return;
      received += end - start;
      if (!validator.push(bytes, start, end)) calls.push("bad");
      else if (received === size) calls.push(validator.isComplete ? "whole" : "open");
    };
    return { calls, receive };
  }

  it.each(paddings)("takes text at every split, %d characters of ASCII before it", (size) => {
    const text = Buffer.from("a".repeat(size) + edges);
    expectAtEverySplit(text, () => validatorAt(text.length), ["whole"]);
  });

  it.each(badUtf8)("refuses %s at every split, alone and in the midst of text", (_what, bad) => {
    for (const bytes of [
      Buffer.from(bad),
      Buffer.from([0x61, ...bad]),
      Buffer.from([0xe2, 0x82, 0xac, ...bad, 0x61]),
    ]) {
      expectAtEverySplit(bytes, () => validatorAt(bytes.length), ["bad"]);
    }
  });

  it.each(badUtf8)("tells %s at the byte that shows it", (_what, bad, badAt) => {
    expect(judgeUtf8(Uint8Array.from(bad)).badAt).toBe(badAt);
    for (let start = 0; start <= badAt; start++) {
      const validator = new Utf8Validator();
      const bytes = Uint8Array.from(bad);
      if (start > 0) expect(validator.push(bytes, 0, start)).toBe(true);
      for (let at = start; at < badAt; at++) expect(validator.push(bytes, at, at + 1)).toBe(true);
      expect(validator.push(bytes, badAt, badAt + 1)).toBe(false);
    }
  });

  it.each(badUtf8)("tells %s in the first piece that holds the byte", (_what, bad, badAt) => {
    const bytes = Uint8Array.from([0x61, 0xc3, 0xa9, ...bad]);
    const index = 3 + badAt;
    for (let start = 0; start <= index; start++) {
      const validator = new Utf8Validator();
      expect(validator.push(bytes, 0, start)).toBe(true);
      expect(validator.push(bytes, start, index + 1)).toBe(false);
    }
  });

  it.each(edgeCharacters)("knows of each part of %j that it is not whole", (character) => {
    const bytes = Buffer.from(character);
    for (let end = 0; end <= bytes.length; end++) {
      const validator = new Utf8Validator();
      expect(validator.push(bytes, 0, end)).toBe(true);
      expect(validator.isComplete).toBe(end === 0 || end === bytes.length);
    }
  });

  it("changes nothing for an empty piece", () => {
    const validator = new Utf8Validator();
    const bytes = Buffer.from("€");
    validator.push(bytes, 0, 2);
    expect(validator.push(bytes, 2, 2)).toBe(true);
    expect(validator.isComplete).toBe(false);
    expect(validator.push(bytes, 2, 3)).toBe(true);
    expect(validator.isComplete).toBe(true);
  });
});
