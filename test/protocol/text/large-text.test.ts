import { describe, expect, it } from "vitest";
import { createCodecFactory } from "../../../protocol/extensions/permessage-deflate/codec-factory.js";
import { deflateOffer } from "../../../protocol/extensions/permessage-deflate/permessage-deflate.js";
import { LargeText, minLargeTextSize } from "../../../protocol/text/large-text.js";
import { Resources } from "../../../protocol/resources.js";
import { expectSame } from "../../support/feed.js";
import { message, ProtocolEnd, steadyRandom, type Recorded } from "../../support/protocol-end.js";
import { deflated, fragments, opcodes, textFrame } from "../../support/wire.js";

/** Returns a text of at least `size` bytes that repeats `unit`. */
function textOf(unit: string, size: number): string {
  return unit.repeat(Math.ceil(size / Buffer.byteLength(unit)));
}

const size = minLargeTextSize + 300_000;
const mixed = "aé日😀 b".repeat(7);
const texts: readonly (readonly [what: string, text: string])[] = [
  ["characters of one to four bytes", textOf(mixed, size)],
  ["ASCII", textOf("0123456789abcdef", size)],
  ["letters of two bytes", textOf("äöüß", size)],
  ["mostly ASCII, then other characters", textOf("ascii ", size) + textOf(mixed, 200_000)],
  ["other characters, then mostly ASCII", textOf(mixed, size) + textOf("ascii ", 4_000_000) + "é"],
  ["a character that is not ASCII at the end", `${textOf("ascii ", size)}😀`],
];

interface Options {
  readonly readSize: number;
  readonly codecs?: "handle" | "dictionary";
  onRead?(end: ProtocolEnd, index: number): void;
}

function receive(input: Buffer, { readSize, codecs = "handle", onRead }: Options): readonly Recorded[] {
  const resources = new Resources({ fillRandom: steadyRandom(), codecs: createCodecFactory(codecs) });
  const end = new ProtocolEnd({ resources, extension: deflateOffer({}).agree([]) });
  for (let at = 0; at < input.length; at += readSize) {
    const read = Buffer.from(input.subarray(at, at + readSize));
    end.receive(read, 0, read.length);
    read.fill(0xee);
    onRead?.(end, at / readSize);
  }
  return end.calls;
}

function inFragments(bytes: Buffer, options?: { readonly rsv1: boolean }): Buffer {
  const step = 99_991;
  const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
    bytes.subarray(index * step, (index + 1) * step),
  );
  return Buffer.concat(fragments(opcodes.text, pieces, options));
}

describe("a large text message", () => {
  it.each(texts)("is delivered as it was sent: %s", (_what, text) => {
    for (const readSize of [65_537, 1_000_003])
      expectSame(receive(textFrame(text), { readSize }), [message(text)]);
    expectSame(receive(inFragments(Buffer.from(text)), { readSize: 65_536 }), [message(text)]);
  });

  it.each(texts)("is delivered as it was compressed: %s", (_what, text) => {
    const bytes = deflated(text);
    const compressed = { rsv1: true };
    for (const codecs of ["handle", "dictionary"] as const) {
      expectSame(receive(textFrame(bytes, compressed), { readSize: 1e9, codecs }), [message(text)]);
      // The second message refers to the first one, whose end is still in the window.
      const twice = Buffer.concat([inFragments(bytes, compressed), textFrame(bytes, compressed)]);
      expectSame(receive(twice, { readSize: 65_536, codecs }), [message(text), message(text)]);
    }
  });

  it("is delivered if its compressed size exceeds the scratch memory", () => {
    const random = Buffer.alloc(4_500_000);
    steadyRandom(7)(random);
    const text = random.toString("latin1");
    const bytes = deflated(text);
    expect(bytes.length).toBeGreaterThan(3_000_000);
    for (const codecs of ["handle", "dictionary"] as const) {
      const input = Buffer.concat([
        inFragments(bytes, { rsv1: true }),
        inFragments(deflated("short"), { rsv1: true }),
      ]);
      expectSame(receive(input, { readSize: 300_000, codecs }), [message(text), message("short")]);
    }
  });

  it.each([
    ["an invalid byte", Buffer.of(0x61, 0xff, 0x61)],
    ["a surrogate", Buffer.of(0xed, 0xa0, 0x80)],
    ["an incomplete character", Buffer.of(0xe2, 0x82)],
  ])("fails the connection if it ends with %s", (_what, bad) => {
    const bytes = Buffer.concat([Buffer.from(texts[0]![1]), bad]);
    const failure = ["failure", "INVALID_UTF8", 1007] as const;
    const packed = deflated(bytes);
    expect(receive(textFrame(bytes), { readSize: 500_000 })).toEqual([failure]);
    expect(receive(inFragments(bytes), { readSize: 65_536 })).toEqual([failure]);
    expect(receive(textFrame(packed, { rsv1: true }), { readSize: 65_536 })).toEqual([failure]);
    expect(receive(textFrame(packed, { rsv1: true }), { readSize: 65_536, codecs: "dictionary" })).toEqual([
      failure,
    ]);
  });

  it("counts as an unfinished message until its last byte", () => {
    const bytes = Buffer.from(texts[0]![1]);
    const input = textFrame(bytes);
    receive(input, {
      readSize: 700_000,
      onRead: ({ connection }, index) => {
        const received = Math.min((index + 1) * 700_000, input.length);
        const isWhole = received === input.length;
        expect([connection.isInsideMessage, connection.unfinishedSize]).toEqual([
          !isWhole,
          isWhole ? 0 : received - (input.length - bytes.length),
        ]);
      },
    });
  });

  it("is lent as bytes if lending is on at its end, and delivered as a text otherwise", () => {
    class Borrowing extends ProtocolEnd {
      readonly lent: Buffer[] = [];

      onBorrowed(bytes: Buffer): boolean {
        this.lent.push(Buffer.from(bytes));
        return this.lent.length % 2 === 1;
      }
    }
    const text = texts[0]![1];
    const input = Buffer.concat([textFrame(text), textFrame("next")]);
    for (const begins of [true, false]) {
      const end = new Borrowing();
      end.connection.isLending = begins;
      for (let at = 0; at < input.length; at += 900_000) {
        if (at > input.length - 900_000) end.connection.isLending = !begins;
        const read = Buffer.from(input.subarray(at, at + 900_000));
        end.connection.receive(read);
      }
      expectSame(end.lent, begins ? [] : [Buffer.from(text), Buffer.from("next")]);
      expectSame(end.calls, begins ? [message(text), message("next")] : [message("next")]);
    }
  });
});

describe("LargeText", () => {
  it("decodes its bytes at any split", () => {
    const bytes = Buffer.from("é日😀a");
    for (let firstSplit = 0; firstSplit <= bytes.length; firstSplit++) {
      for (let secondSplit = firstSplit; secondSplit <= bytes.length; secondSplit++) {
        const text = new LargeText();
        expect(text.push(bytes, 0, firstSplit) && text.push(bytes, firstSplit, secondSplit)).toBe(true);
        expect(text.push(bytes, secondSplit, bytes.length)).toBe(true);
        expect([text.size, text.finish()]).toEqual([bytes.length, "é日😀a"]);
      }
    }
  });
});
