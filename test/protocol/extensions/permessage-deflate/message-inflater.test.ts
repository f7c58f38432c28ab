import { constants, deflateRawSync, type ZlibOptions } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec-factory.js";
import { InflateMemory } from "../../../../protocol/extensions/permessage-deflate/inflate-memory.js";
import { MessageInflater } from "../../../../protocol/extensions/permessage-deflate/message-inflater.js";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";
import { cases } from "../../../support/cases.js";
import { DeflateBlocks } from "../../../support/deflate-blocks.js";

const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_SYNC_FLUSH } = constants;
const noLimit = 64 * 1024 * 1024;
const maxOutputSize = 128 * 1024;
const nothingSaid = new SlidingWindow(15);

/** Each way, the longest message that it takes, and an inflater that goes by it whatever the size of the message. */
const ways: [name: string, maxInputSize: number, inflater: MessageInflater][] = [
  ["JavaScript", 4 * 1024, new MessageInflater(new InflateMemory())],
  ["WebAssembly", 32 * 1024, new MessageInflater(InflateMemory.wide()!, 0)],
];

function deflate(message: string | Uint8Array, options: ZlibOptions = {}): Buffer {
  return deflateRawSync(message, { ...options, finishFlush: Z_SYNC_FLUSH }).subarray(0, -4);
}

function windowOf(said: Buffer): SlidingWindow {
  const window = new SlidingWindow(15);
  window.append(said, 0, said.length);
  return window;
}

/** Each byte twice as rare as the one before: the codes grow as long as they may. */
function skewed(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => Buffer.alloc(2 ** (count - index) / 2, index * 3)),
  );
}

/** Order books are what makes codes of many lengths; the numbers come out the same in each run. */
function feed(size: number, seed: number): string {
  let state = seed;
  const digits = (): string => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return String(state);
  };
  let text = "";
  while (text.length < size) text += `["${text.length % 97}.${digits()}","${digits().slice(0, 6)}"],`;
  return text.slice(0, size);
}

const texts = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 6000 }), fc.nat()).map(([size, seed]) => Buffer.from(feed(size, seed))),
  fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 300 }))
    .map(([text, count]) => Buffer.from(text.repeat(count))),
);

const strategies = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  strategy: fc.constantFrom(Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE),
});

describe.each(ways)("MessageInflater by %s", (_, maxInputSize, inflater) => {
  /** What comes out; `undefined` where the message is left to zlib. */
  function inflate(message: Uint8Array, window = nothingSaid, maxSize = noLimit): Buffer | undefined {
    const size = inflater.inflate(message, maxSize, window);
    return size < 0 ? undefined : Buffer.from(inflater.output.subarray(0, size));
  }

  it("gives what zlib has deflated, whatever came before and however it was done", () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 4 }), strategies, (messages, options) => {
        let said = Buffer.alloc(0);
        for (const message of messages) {
          const dictionary = said.length > 0 ? { dictionary: said.subarray(-32_768) } : {};
          const compressed = deflate(message, { ...options, ...dictionary });
          const inflated = inflate(compressed, windowOf(said));
          if (compressed.length > maxInputSize) expect(inflated).toBeUndefined();
          else expect(inflated?.equals(message)).toBe(true);
          said = Buffer.concat([said, message]);
        }
      }),
      { numRuns: cases(500) },
    );
  });

  it.each([
    ["many lengths", Buffer.from(feed(6000, 3))],
    ["more bits than the first look has", skewed(13)],
    ["many lengths, and of more bits than that", Buffer.concat([skewed(12), Buffer.from(feed(200, 5))])],
  ])("reads codes of %s", (_, message) => {
    for (const strategy of [Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY]) {
      expect(inflate(deflate(message, { strategy, memLevel: 9 }))?.equals(message)).toBe(true);
    }
  });

  it("reads codes of distances that are longer than the first look", () => {
    const lines: Buffer[] = [];
    for (let exponent = 0; exponent < 14; exponent++) {
      const count = 2 ** Math.max(0, 9 - exponent);
      for (let index = 0; index < count; index++) {
        const far = Buffer.concat(lines.length > 0 ? lines : [Buffer.from("0123456789")]);
        const start = Math.max(0, far.length - 2 ** exponent - 4 - (index % 3));
        lines.push(far.subarray(start, start + 4), Buffer.of(index, exponent));
      }
    }
    const message = Buffer.concat(lines);
    expect(inflate(deflate(message, { level: 9 }))?.equals(message)).toBe(true);
  });

  it("takes messages of several blocks, and of blocks that hold nothing", () => {
    const blocks = new DeflateBlocks()
      .stored("Hello")
      .fixed([])
      .stored("")
      .fixed([", ", { length: 5, distance: 7 }])
      .flush();
    expect(inflate(blocks.bytes())?.toString()).toBe("Hello, Hello");
    expect(inflate(new DeflateBlocks().flush().bytes())).toHaveLength(0);
  });

  it.each([0, 1, 2, 3, 1000, maxOutputSize - 1, maxOutputSize])(
    "gives %i bytes, and not one over the limit",
    (limit) => {
      for (const message of ["y".repeat(limit), feed(limit, 9)]) {
        const whole = deflate(message, { level: 9 });
        if (whole.length <= maxInputSize) expect(inflate(whole, nothingSaid, limit)).toHaveLength(limit);
        for (const more of ["y", "z", "yyyyyyyy"]) {
          expect(inflate(deflate(message + more, { level: 9 }), nothingSaid, limit)).toBeUndefined();
        }
        expect(
          inflate(deflate(message.slice(0, 4000) + "z", { level: 0 }), nothingSaid, Math.min(limit, 4000)),
        ).toBeUndefined();
      }
    },
  );

  it.each([
    ["no bytes", Buffer.alloc(0)],
    ["more than 32 KiB", deflate(feed(120_000, 1))],
    ["a final block", deflateRawSync("Hello")],
    ["a final block that is stored", new DeflateBlocks().stored("Hello", { isFinal: true }).bytes()],
    ["a block of the reserved type", Buffer.of(0x06, 0, 0, 0)],
    ["a stored block whose lengths differ", Buffer.of(0x00, 0x01, 0x00, 0xfe, 0xfe, 0x61, 0x00)],
    [
      "a distance behind the beginning",
      new DeflateBlocks()
        .fixed(["ab", { length: 3, distance: 3 }])
        .flush()
        .bytes(),
    ],
    ["a length that is none", Buffer.from("1b03", "hex")],
    ["a distance that is none", Buffer.from("4a04fe0000", "hex")],
    ["more codes of literals than there are", Buffer.of(0xfc, 0xff, 0xff, 0xff)],
    ["code lengths of code lengths that leave room", Buffer.of(0x04, 0x00, 0x00, 0x00, 0x00, 0x00)],
    ["a repeat of nothing", Buffer.from("040012000000", "hex")],
  ])("leaves %s to zlib", (_, message) => {
    expect(inflate(message)).toBeUndefined();
  });

  it("leaves a message to zlib that ends inside a block", () => {
    for (const options of [{}, { level: 0 }, { strategy: Z_FIXED }]) {
      const whole = deflate(feed(900, 4), options);
      // One byte of zeros is an empty message.
      for (let size = 2; size < whole.length; size++)
        expect(inflate(whole.subarray(0, size))).toBeUndefined();
      expect(inflate(whole)).toHaveLength(900);
    }
  });

  it("takes nothing that zlib refuses, and gives nothing else than zlib", () => {
    const factory = createCodecFactory("handle");
    const said = Buffer.from(feed(3000, 8));
    const valid = [
      deflate(feed(150, 1), { dictionary: said }),
      deflate(feed(700, 2), { dictionary: said }),
      deflate(feed(500, 3), { strategy: Z_HUFFMAN_ONLY }),
      deflate(skewed(9)),
      deflate(feed(100, 6), { level: 0 }),
    ];
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 })), { maxLength: 3 });
    const changed = fc
      .tuple(fc.constantFrom(...valid), flips, fc.nat({ max: 20 }))
      .map(([message, changes, cut]) => {
        const bytes = Buffer.from(message.subarray(0, message.length - (cut < 15 ? 0 : cut - 15)));
        // The headers of blocks are where most of it goes wrong.
        for (const [at, bit] of changes) bytes[(at % 2 === 0 ? at % 60 : at) % bytes.length]! ^= 1 << bit;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(changed, fc.uint8Array({ minLength: 1, maxLength: 80 })),
        fc.boolean(),
        (message, isSaid) => {
          const inflated = inflate(message, isSaid ? windowOf(said) : nothingSaid);
          if (inflated === undefined) return;
          const zlib = factory.inflater({ windowBits: 15, keepsContext: true });
          try {
            if (isSaid) zlib.inflate(deflate(said), noLimit, false);
            expect(zlib.inflate(message, noLimit, false).equals(inflated)).toBe(true);
          } finally {
            zlib.close();
          }
        },
      ),
      { numRuns: cases(4000) },
    );
  });
});
