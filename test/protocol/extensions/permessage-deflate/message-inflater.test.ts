import { constants, deflateRawSync, type ZlibOptions } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec-factory.js";
import { InflateMemory } from "../../../../protocol/extensions/permessage-deflate/inflate-memory.js";
import { MessageInflater } from "../../../../protocol/extensions/permessage-deflate/message-inflater.js";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";
import { cases } from "../../../support/cases.js";
import { finalBlocks } from "../../../support/codecs.js";
import { DeflateBlocks } from "../../../support/deflate-blocks.js";

const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_SYNC_FLUSH } = constants;
const noLimit = 64 * 1024 * 1024;
const maxOutputSize = 128 * 1024;
const emptyWindow = new SlidingWindow(15);

/** Each implementation with its largest message and an inflater that uses it for messages of any size. */
const implementations: [name: string, maxInputSize: number, inflater: MessageInflater][] = [
  ["JavaScript", 4 * 1024, new MessageInflater(new InflateMemory())],
  ["WebAssembly", 32 * 1024, new MessageInflater(InflateMemory.createWithWasm()!, 0)],
];

function deflate(message: string | Uint8Array, options: ZlibOptions = {}): Buffer {
  return deflateRawSync(message, { ...options, finishFlush: Z_SYNC_FLUSH }).subarray(0, -4);
}

function windowOf(history: Buffer): SlidingWindow {
  const window = new SlidingWindow(15);
  window.append(history, 0, history.length);
  return window;
}

/** Returns bytes whose frequencies halve from value to value, so that the codes become as long as possible. */
function skewed(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => Buffer.alloc(2 ** (count - index) / 2, index * 3)),
  );
}

/** Returns a text like an order book, which results in codes of many lengths. It is the same in each run. */
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

describe.each(implementations)("MessageInflater in %s", (_, maxInputSize, inflater) => {
  /** Returns the inflated message, or `undefined` if it is left to zlib. */
  function inflate(message: Uint8Array, window = emptyWindow, maxSize = noLimit): Buffer | undefined {
    const size = inflater.inflate(message, maxSize, window);
    return size < 0 ? undefined : Buffer.from(inflater.output.subarray(0, size));
  }

  it("inflates what zlib has deflated, with any options and any earlier messages", () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 4 }), strategies, (messages, options) => {
        let history = Buffer.alloc(0);
        for (const message of messages) {
          const dictionary = history.length > 0 ? { dictionary: history.subarray(-32_768) } : {};
          const compressed = deflate(message, { ...options, ...dictionary });
          const inflated = inflate(compressed, windowOf(history));
          if (compressed.length > maxInputSize) expect(inflated).toBeUndefined();
          else expect(inflated?.equals(message)).toBe(true);
          history = Buffer.concat([history, message]);
        }
      }),
      { numRuns: cases(500) },
    );
  });

  it.each([
    ["many lengths", Buffer.from(feed(6000, 3))],
    ["more bits than the first lookup has", skewed(13)],
    ["many lengths and more bits than that", Buffer.concat([skewed(12), Buffer.from(feed(200, 5))])],
  ])("inflates codes of %s", (_, message) => {
    for (const strategy of [Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY]) {
      expect(inflate(deflate(message, { strategy, memLevel: 9 }))?.equals(message)).toBe(true);
    }
  });

  it("inflates distance codes that are longer than the first lookup", () => {
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

  it("inflates messages of several blocks, including empty ones", () => {
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
    "inflates %i bytes and declines one more than the limit",
    (limit) => {
      for (const message of ["y".repeat(limit), feed(limit, 9)]) {
        const whole = deflate(message, { level: 9 });
        if (whole.length <= maxInputSize) expect(inflate(whole, emptyWindow, limit)).toHaveLength(limit);
        for (const more of ["y", "z", "yyyyyyyy"]) {
          expect(inflate(deflate(message + more, { level: 9 }), emptyWindow, limit)).toBeUndefined();
        }
        expect(
          inflate(deflate(message.slice(0, 4000) + "z", { level: 0 }), emptyWindow, Math.min(limit, 4000)),
        ).toBeUndefined();
      }
    },
  );

  /** Eight equal dynamic blocks with a single distance code, or with none. Each has at least one literal "a". */
  const oneDistance =
    "ecc081000000008020d6fd2516a9981d38100000000010c4babfc42215b3030702000000008258f79758a46276e04000000000" +
    "4010ebfe128b54cc0e1c08000000000862dd5f62918ad98103010000000041acfb4b2c52313b7020000000002088757f89452a" +
    "66070e040000000004b1ee2fb148c5";
  const noDistance =
    "ecc0810c0000008030d6fc2512f99a1d38900100000010c69abf44225fb303073200000000c258f39748e46b76e04006000000" +
    "40186bfe12897ccd0e1cc8000000000863cd5f2291afd98103190000000061acf94b24f2353b702003000000208c357f8944be" +
    "66070e640000000084b1e62f91c8d7";

  it.each([
    ["a single distance code", oneDistance, 2072],
    ["no distance code", noDistance, 8],
  ])("inflates blocks with %s, which zlib accepts", (_, hex, size) => {
    // After 600 bytes of data, the blocks are not too small on average.
    const blocks = Buffer.from(hex, "hex");
    const message = Buffer.concat([
      new DeflateBlocks().stored("x".repeat(600)).bytes(),
      blocks,
      Buffer.of(0),
    ]);
    const inflated = inflate(message);
    expect(inflated).toHaveLength(600 + size);
    expect(inflated!.equals(Buffer.concat([Buffer.alloc(600, "x"), Buffer.alloc(size, "a")]))).toBe(true);
  });

  it("leaves many dynamic blocks of less than 24 bytes on average to zlib", () => {
    const blocks = Buffer.from(noDistance, "hex");
    expect(inflate(Buffer.concat([blocks, Buffer.of(0)]))).toBeUndefined();
  });

  describe("final blocks", () => {
    const isFinal = true;
    const hello = new DeflateBlocks().fixed(["Hello"], { isFinal }).bytes();

    it.each([
      ["at the end", hello, "Hello", 1],
      ["before an empty block", Buffer.concat([hello, Buffer.of(0)]), "Hello", 1],
      ["that are stored", new DeflateBlocks().stored("Hello", { isFinal }).bytes(), "Hello", 1],
      [
        "whose length is removed",
        new DeflateBlocks().fixed(["Hello"]).flush({ isFinal }).bytes(),
        "Hello",
        1,
      ],
      [
        "before a block that refers to earlier data",
        new DeflateBlocks()
          .fixed(["Hello"], { isFinal })
          .fixed([{ length: 5, distance: 5 }], { isFinal })
          .flush()
          .bytes(),
        "HelloHello",
        2,
      ],
    ])("%s are inflated", (_name, message, text, count) => {
      expect(inflate(message)?.toString()).toBe(text);
      expect(inflater.finalBlockCount).toBe(count);
      for (let size = 2; size < message.length - 1; size++) {
        const cut = inflate(message.subarray(0, size));
        // A cut after a final block is the end of a message.
        if (cut !== undefined) expect(inflater.finalBlockCount).toBeGreaterThan(0);
      }
    });

    it("end the inflated part of an input that continues with another stream", () => {
      const streams = [deflateRawSync(feed(700, 1)), hello, deflateRawSync(feed(900, 2))];
      const input = Buffer.concat([...streams, deflateRawSync(feed(500, 3)).subarray(0, -1)]);
      const size = inflater.inflateStreams(input, noLimit, emptyWindow);
      expect(inflater.output.toString("latin1", 0, size)).toBe(`${feed(700, 1)}Hello${feed(900, 2)}`);
      expect([inflater.consumed, inflater.finalBlockCount]).toEqual([Buffer.concat(streams).length, 3]);
      for (let cut = 1; cut < streams[0]!.length; cut += 7) {
        expect(inflater.inflateStreams(input.subarray(0, cut), noLimit, emptyWindow)).toBe(0);
        expect([inflater.consumed, inflater.finalBlockCount]).toEqual([0, 0]);
      }
    });

    it("are not completed by bytes of an earlier input", () => {
      for (let size = 1; size < hello.length; size++) {
        expect(inflater.inflateStreams(hello, noLimit, emptyWindow)).toBe(5);
        expect(inflater.inflateStreams(hello.subarray(0, size), noLimit, emptyWindow)).toBe(0);
        expect([inflater.consumed, inflater.finalBlockCount]).toEqual([0, 0]);
      }
    });

    it.each([
      ["no bytes", Buffer.alloc(0), noLimit],
      ["a corrupt stream", Buffer.of(0x07, 0), noLimit],
      ["more data than the limit", Buffer.concat([hello, hello]), 4],
      ["a negative limit", finalBlocks(2), -1],
      ["a stream of more than 128 KiB of data", deflateRawSync(Buffer.alloc(maxOutputSize + 3000)), noLimit],
      ["a stream of more than 32 KiB", deflateRawSync(feed(120_000, 1)), noLimit],
    ])("are not found in %s", (_name, input, limit) => {
      expect(inflater.inflateStreams(input, limit, emptyWindow)).toBe(0);
      expect([inflater.consumed, inflater.finalBlockCount]).toEqual([0, 0]);
    });
  });

  it.each([
    ["no bytes", Buffer.alloc(0)],
    ["more than 32 KiB", deflate(feed(120_000, 1))],
    ["a block with the reserved type", Buffer.of(0x06, 0, 0, 0)],
    ["a stored block whose lengths differ", Buffer.of(0x00, 0x01, 0x00, 0xfe, 0xfe, 0x61, 0x00)],
    [
      "a distance before the start of the window",
      new DeflateBlocks()
        .fixed(["ab", { length: 3, distance: 3 }])
        .flush()
        .bytes(),
    ],
    ["an invalid length", Buffer.from("1b03", "hex")],
    ["an invalid distance", Buffer.from("4a04fe0000", "hex")],
    ["more literal codes than allowed", Buffer.of(0xfc, 0xff, 0xff, 0xff)],
    ["an incomplete code length alphabet", Buffer.of(0x04, 0x00, 0x00, 0x00, 0x00, 0x00)],
    ["a repeat without a previous length", Buffer.from("040012000000", "hex")],
  ])("leaves %s to zlib", (_, message) => {
    expect(inflate(message)).toBeUndefined();
  });

  it("leaves a message that ends inside a block to zlib", () => {
    for (const options of [{}, { level: 0 }, { strategy: Z_FIXED }]) {
      const whole = deflate(feed(900, 4), options);
      // A single zero byte is an empty message.
      for (let size = 2; size < whole.length; size++)
        expect(inflate(whole.subarray(0, size))).toBeUndefined();
      expect(inflate(whole)).toHaveLength(900);
    }
  });

  it("inflates only messages that zlib accepts, to the same result", () => {
    const factory = createCodecFactory("handle");
    const history = Buffer.from(feed(3000, 8));
    const valid = [
      deflate(feed(150, 1), { dictionary: history }),
      deflate(feed(700, 2), { dictionary: history }),
      deflate(feed(500, 3), { strategy: Z_HUFFMAN_ONLY }),
      deflate(skewed(9)),
      deflate(feed(100, 6), { level: 0 }),
    ];
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 })), { maxLength: 3 });
    const changed = fc
      .tuple(fc.constantFrom(...valid), flips, fc.nat({ max: 20 }))
      .map(([message, changes, cut]) => {
        const bytes = Buffer.from(message.subarray(0, message.length - (cut < 15 ? 0 : cut - 15)));
        // Most faults occur in block headers, so half of the changes are made there.
        for (const [at, bit] of changes) bytes[(at % 2 === 0 ? at % 60 : at) % bytes.length]! ^= 1 << bit;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(changed, fc.uint8Array({ minLength: 1, maxLength: 80 })),
        fc.boolean(),
        (message, hasHistory) => {
          const inflated = inflate(message, hasHistory ? windowOf(history) : emptyWindow);
          if (inflated === undefined) return;
          const zlib = factory.inflater({ windowBits: 15, keepsContext: true });
          try {
            if (hasHistory) zlib.inflate(deflate(history), noLimit, false);
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
