import type { Transform } from "node:stream";
import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  deflateRawSync,
  type Zlib,
  type ZlibOptions,
} from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../protocol/errors.js";
import type {
  CodecFactory,
  Deflater,
  Inflater,
} from "../../../../protocol/extensions/permessage-deflate/codec.js";
import { createCodecFactory } from "../../../../protocol/extensions/permessage-deflate/codec-factory.js";
import { cases } from "../../../support/cases.js";
import { context, failureOf, finalBlocks, noContext, noLimit } from "../../../support/codecs.js";
import { compress, matchMessage, noise } from "../../../support/compressed.js";
import { DeflateBlocks } from "../../../support/deflate-blocks.js";
import { StrictInflater } from "../../../support/strict-inflate.js";

const backends = ["handle", "dictionary"] as const;
const allWindowBits = [8, 9, 10, 11, 12, 13, 14, 15];
const zlibDefaults = { level: -1, memLevel: 8 };
const tail = Buffer.of(0x00, 0x00, 0xff, 0xff);

function trade(index: number): string {
  return JSON.stringify({
    type: "trade",
    symbol: ["BTCUSD", "ETHUSD"][index % 2],
    price: 100 + index / 7,
    index,
  });
}

/** Messages like those of a data feed, with boundary lengths, repeats at many distances and incompressible bytes. */
function conversation(): Buffer[] {
  const block = noise(20_000, 7);
  return [
    Buffer.from(trade(1)),
    Buffer.from(trade(2)),
    Buffer.alloc(0),
    Buffer.from("x"),
    ...[125, 126, 127].map((size) => Buffer.from(trade(3).repeat(2).slice(0, size))),
    Buffer.from(trade(4)),
    noise(300, 3),
    Buffer.from(trade(5) + noise(400, 4).toString("latin1") + trade(5)),
    noise(300, 3),
    block,
    Buffer.alloc(600, "ab"),
    Buffer.alloc(600, "z"),
    block,
    Buffer.concat([block.subarray(0, 3000), noise(600, 9), block.subarray(0, 3000)]),
    noise(65_535, 11),
    Buffer.alloc(65_536, trade(6)),
    Buffer.from(trade(7)),
    Buffer.from("héllo ☃ ".repeat(40)),
  ];
}

/** A public zlib stream of Node, used message by message. */
class ZlibReference {
  readonly #stream: Transform & Zlib;
  #chunks: Buffer[] = [];

  constructor(stream: Transform & Zlib) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
  }

  static deflater(options: ZlibOptions): ZlibReference {
    return new ZlibReference(createDeflateRaw(options));
  }

  static inflater(options: ZlibOptions): ZlibReference {
    return new ZlibReference(createInflateRaw(options));
  }

  async deflate(message: Uint8Array): Promise<Buffer> {
    const bytes = await this.#pass(message);
    return message.length === 0 ? Buffer.of(0) : bytes.subarray(0, -4);
  }

  async inflate(message: Uint8Array): Promise<Buffer> {
    return this.#pass(Buffer.concat([message, tail]));
  }

  close(): void {
    this.#stream.close();
  }

  async #pass(bytes: Uint8Array): Promise<Buffer> {
    this.#chunks = [];
    await new Promise<void>((resolve) => {
      this.#stream.write(bytes);
      this.#stream.flush(constants.Z_SYNC_FLUSH, resolve);
    });
    return Buffer.concat(this.#chunks);
  }
}

describe.each(backends)("the codecs of the %s backend", (name) => {
  let factory: CodecFactory;
  let inflater: Inflater;
  let deflater: Deflater;

  beforeEach(() => {
    factory = createCodecFactory(name);
    inflater = factory.inflater(context);
    deflater = factory.deflater({ ...context, ...zlibDefaults });
  });

  afterEach(() => {
    inflater.close();
    deflater.close();
    expect(factory.openCount).toBe(0);
  });

  function inflateText(compressed: Uint8Array): string {
    return inflater.inflate(compressed, noLimit, false).toString("latin1");
  }

  describe.each(allWindowBits)("with a window of %i bits", (windowBits) => {
    it.each([true, false])("inflates the messages of zlib's deflater, context: %s", async (keepsContext) => {
      const codec = factory.inflater({ windowBits, keepsContext });
      const peer = ZlibReference.deflater({ windowBits });
      for (const message of conversation()) {
        const compressed = keepsContext ? await peer.deflate(message) : compress(message, { windowBits });
        expect(codec.inflate(compressed, noLimit, true).equals(message)).toBe(true);
      }
      peer.close();
      codec.close();
    });

    it.each([true, false])(
      "deflates messages that zlib's inflater accepts, context: %s",
      async (keepsContext) => {
        const codec = factory.deflater({ windowBits, keepsContext, ...zlibDefaults });
        let peer = ZlibReference.inflater({ windowBits });
        for (const message of conversation()) {
          if (!keepsContext) {
            peer.close();
            peer = ZlibReference.inflater({ windowBits });
          }
          expect((await peer.inflate(codec.deflate(message))).equals(message)).toBe(true);
        }
        peer.close();
        codec.close();
      },
    );

    it.each([true, false])("does not refer to bytes before the window, context: %s", (keepsContext) => {
      for (const level of [1, 6, 9]) {
        const codec = factory.deflater({ windowBits, keepsContext, level, memLevel: 8 });
        const peer = new StrictInflater(windowBits);
        for (const message of conversation()) {
          if (!keepsContext) peer.reset();
          expect(peer.inflate(codec.deflate(message)).equals(message)).toBe(true);
        }
        // zlib has no window of 8 bits. With Z_RLE it only refers to the last byte.
        if (windowBits === 8) expect(peer.longestDistance).toBe(1);
        // Long distances occur, so the check above can fail.
        else if (keepsContext) expect(peer.longestDistance).toBeGreaterThan(2 ** windowBits / 8);
        codec.close();
      }
    });
  });

  it.each(backends)("deflates messages that the %s backend inflates", (other) => {
    const peers = createCodecFactory(other);
    const peer = peers.inflater(context);
    for (const message of conversation()) {
      expect(peer.inflate(deflater.deflate(message), noLimit, true).equals(message)).toBe(true);
    }
    peer.close();
  });

  it("accepts a window of 9 bits if 8 were negotiated, because a peer's zlib may use 9", () => {
    const codec = factory.inflater({ windowBits: 8, keepsContext: true });
    const far = noise(500, 5).toString("latin1");
    expect(
      codec.inflate(new DeflateBlocks().stored(far).flush().bytes(), noLimit, true).toString("latin1"),
    ).toBe(far);
    const match = matchMessage(5, 500);
    expect(codec.inflate(match, noLimit, true).toString("latin1")).toBe(far.slice(0, 5));
    codec.close();
  });

  it("compresses a repeated message better, but only with context", () => {
    const noContextDeflater = factory.deflater({ ...noContext, ...zlibDefaults });
    const message = Buffer.from(trade(1));
    const [first, second] = [deflater.deflate(message).length, deflater.deflate(message).length];
    expect(second).toBeLessThan(first / 4);
    expect([noContextDeflater.deflate(message).length, noContextDeflater.deflate(message).length]).toEqual([
      first,
      first,
    ]);
    noContextDeflater.close();
  });

  it.each([
    { level: 0, memLevel: 8 },
    { level: 1, memLevel: 1 },
    { level: 9, memLevel: 9 },
  ])("compresses with the options %o", (options) => {
    const codec = factory.deflater({ ...context, ...options });
    for (const message of conversation()) {
      const compressed = codec.deflate(message);
      if (options.level === 0) expect(compressed.length).toBeGreaterThan(message.length);
      expect(inflater.inflate(compressed, noLimit, true).equals(message)).toBe(true);
    }
    codec.close();
  });

  it("removes the last four bytes once", () => {
    for (const message of conversation()) {
      const compressed = Buffer.from(deflater.deflate(message));
      expect(compressed.subarray(-4).equals(tail)).toBe(false);
    }
  });

  it("deflates an empty message to one byte", () => {
    expect([...deflater.deflate(Buffer.alloc(0))]).toEqual([0]);
    deflater.deflate(Buffer.from("some"));
    expect([...deflater.deflate(Buffer.alloc(0))]).toEqual([0]);
  });

  it("inflates the examples of RFC 7692 7.2.3", () => {
    const examples = [
      "f248cdc9c90700",
      "f200110000",
      "000500faff48656c6c6f00",
      "f348cdc9c9070000",
      "f248050000 00ffff cac9c90700".replaceAll(" ", ""),
    ];
    expect(examples.map((hex) => inflateText(Buffer.from(hex, "hex")))).toEqual(examples.map(() => "Hello"));
    expect(inflateText(Buffer.of(0))).toBe("");
  });

  it("inflates no bytes as an empty message", () => {
    expect(inflateText(Buffer.from("f248cdc9c90700", "hex"))).toBe("Hello");
    expect(inflater.inflate(Buffer.alloc(0), 0, true)).toHaveLength(0);
    expect(inflateText(Buffer.from("f200110000", "hex"))).toBe("Hello");
  });

  describe("a final block", () => {
    const isFinal = true;
    const backToHello = { length: 5, distance: 5 };
    const messages: [name: string, message: Buffer, text: string][] = [
      [
        "that is followed by the byte of RFC 7692 7.2.3.4",
        new DeflateBlocks().fixed(["Hello"], { isFinal }).flush().bytes(),
        "Hello",
      ],
      ["at the end", new DeflateBlocks().fixed(["Hello"], { isFinal }).bytes(), "Hello"],
      ["that is stored", new DeflateBlocks().stored("Hello", { isFinal }).bytes(), "Hello"],
      [
        "whose length is in the removed tail",
        new DeflateBlocks().stored("Hello").flush({ isFinal }).bytes(),
        "Hello",
      ],
      [
        "with data after it",
        new DeflateBlocks().fixed(["Hel"], { isFinal }).fixed(["lo"]).flush().bytes(),
        "Hello",
      ],
      [
        "between blocks that refer to data before it",
        new DeflateBlocks()
          .stored("Hello")
          .fixed([", "], { isFinal })
          .fixed([{ length: 5, distance: 7 }])
          .flush()
          .bytes(),
        "Hello, Hello",
      ],
      [
        "several times",
        new DeflateBlocks()
          .fixed(["Hel"], { isFinal })
          .fixed([], { isFinal })
          .stored("lo", { isFinal })
          .fixed([backToHello], { isFinal })
          .bytes(),
        "HelloHello",
      ],
    ];

    it.each(messages)("%s is inflated", (_, message, text) => {
      for (let round = 0; round < 3; round++) expect(inflateText(message)).toBe(text);
    });

    it.each(messages)("%s keeps the window for later messages", (_, message, text) => {
      const before = noise(1000, 21).toString("latin1");
      expect(inflateText(new DeflateBlocks().stored(before).flush().bytes())).toBe(before);
      expect(inflateText(message)).toBe(text);
      const distance = text.length + 1000;
      const match = matchMessage(10, distance);
      expect(inflateText(match)).toBe(before.slice(0, 10));
    });

    it.each(messages)("%s leaves no window if no context is kept", (_, message, text) => {
      const codec = factory.inflater(noContext);
      for (let round = 0; round < 3; round++) {
        expect(codec.inflate(message, noLimit, true).toString("latin1")).toBe(text);
      }
      const match = matchMessage(3, 1);
      expect(failureOf(() => codec.inflate(match, noLimit, true))).toMatchObject({
        code: "INVALID_DEFLATE_DATA",
      });
      codec.close();
    });

    it("keeps a full window that has wrapped", () => {
      const first = noise(40_000, 22);
      const second = noise(5_000, 23);
      expect(inflater.inflate(compress(first), noLimit, true).equals(first)).toBe(true);
      expect(inflater.inflate(compress(second), noLimit, true).equals(second)).toBe(true);
      expect(inflateText(new DeflateBlocks().fixed(["Hello"], { isFinal }).flush().bytes())).toBe("Hello");
      const all = Buffer.concat([first, second, Buffer.from("Hello")]).toString("latin1");
      const match = matchMessage(10, 32_768);
      expect(inflateText(match)).toBe(all.slice(all.length - 32_768, all.length - 32_758));
    });

    it("in the middle of a large message keeps the window of that message", () => {
      const large = Buffer.concat([noise(150_000, 24), Buffer.alloc(150_000, "z")]);
      const finished = deflateRawSync(large, { chunkSize: 1024 });
      const rest = new DeflateBlocks().fixed(["Hello"]).flush().bytes();
      const expected = Buffer.concat([large, Buffer.from("Hello")]);
      for (let round = 0; round < 2; round++) {
        expect(inflater.inflate(Buffer.concat([finished, rest]), noLimit, true).equals(expected)).toBe(true);
      }
    });

    it("at the end of each message is accepted, as from a peer without a window", () => {
      for (const message of conversation().filter(({ length }) => length > 0)) {
        expect(inflater.inflate(deflateRawSync(message), noLimit, true).equals(message)).toBe(true);
      }
    });

    it.each([context, noContext])("may occur 13,000 times without data: %o", (options) => {
      const codec = factory.inflater(options);
      codec.inflate(compress(noise(40_000, 25)), noLimit, false);
      const message = Buffer.concat([finalBlocks(13_000), compress("Hello")]);
      expect(codec.inflate(message, 1000, true).toString()).toBe("Hello");
      codec.close();
    });

    it("fails if 14,000 of them contain no data", () => {
      inflater.inflate(compress(noise(40_000, 25)), noLimit, false);
      const failure = failureOf(() => inflater.inflate(finalBlocks(14_000), 1000, false));
      expect(failure).toMatchObject({ code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: 1008 });
    });

    it("may occur after each byte of a long message", () => {
      const bytes = noise(100_000, 26);
      const message = Buffer.concat(
        Array.from(bytes, (_, at) =>
          new DeflateBlocks().fixed([bytes.toString("latin1", at, at + 1)], { isFinal }).bytes(),
        ),
      );
      for (let round = 0; round < 2; round++)
        expect(inflater.inflate(message, noLimit, true).equals(bytes)).toBe(true);
    });

    it("may be in a message of several large and small streams", () => {
      const parts = [300, 50_000, 20, 1, 200_000, 5].map((size) => noise(size, size));
      const zeros = Buffer.alloc(300_000);
      const streams = [...parts, zeros, ...parts].map((part) => deflateRawSync(part));
      const expected = Buffer.concat([...parts, zeros, ...parts, Buffer.from("end")]);
      const message = Buffer.concat([...streams, compress("end")]);
      for (let round = 0; round < 2; round++) {
        expect(inflater.inflate(message, noLimit, true).equals(expected)).toBe(true);
      }
      const other = factory.inflater(noContext);
      expect(failureOf(() => other.inflate(message, expected.length - 1, true)).code).toBe("MESSAGE_TOO_BIG");
      other.close();
      const match = matchMessage(10, 32_768);
      expect(inflater.inflate(match, noLimit, true)).toEqual(expected.subarray(-32_768, -32_758));
    });

    it("whose length is in the removed tail does not count for the next message", () => {
      const large = new DeflateBlocks().stored("x".repeat(200)).flush({ isFinal }).bytes();
      inflater.inflate(compress(noise(300)), noLimit, false);
      for (let round = 0; round < 3; round++) expect(inflateText(large)).toBe("x".repeat(200));
      // As many final blocks as one message may contain: 13,107 of 2 bytes that each count 8 bytes more.
      const most = Math.floor((128 * 1024) / 10);
      inflater.inflate(large, noLimit, false);
      expect(inflater.inflate(finalBlocks(most), noLimit, false)).toHaveLength(0);
      expect(failureOf(() => inflater.inflate(finalBlocks(most + 1), noLimit, false)).closeCode).toBe(1008);
    });
  });

  describe("a message over the limit", () => {
    const bomb = compress(Buffer.alloc(30_000_000), { level: 9 });

    it.each([0, 1, 999, 1000, 65_535, 65_536, 200_000])(
      "of %i bytes is rejected if it is one byte too long",
      (limit) => {
        const fitting = compress(Buffer.alloc(limit, "y"));
        expect(inflater.inflate(fitting, limit, true)).toHaveLength(limit);
        const failure = failureOf(() =>
          inflater.inflate(compress(Buffer.alloc(limit + 1, "y")), limit, true),
        );
        expect(failure).toMatchObject({ code: "MESSAGE_TOO_BIG", closeCode: 1009 });
        expect(failure.message).toContain(`${limit} bytes`);
      },
    );

    it.each([
      [1000, 1_000_000],
      [5_000_000, 12_000_000],
    ])("of %i bytes is rejected before it uses much memory", (limit, allowance) => {
      expect(bomb.length).toBeLessThan(30_000);
      const before = process.memoryUsage().external;
      expect(failureOf(() => inflater.inflate(bomb, limit, true))).toMatchObject({ closeCode: 1009 });
      expect(process.memoryUsage().external - before).toBeLessThan(allowance);
    });

    it("is rejected if its parts together exceed the limit", () => {
      const parts = new DeflateBlocks().stored("12345", { isFinal: true }).stored("678", { isFinal: true });
      expect(inflater.inflate(parts.bytes(), 8, true).toString()).toBe("12345678");
      expect(failureOf(() => inflater.inflate(parts.bytes(), 7, true))).toMatchObject({ closeCode: 1009 });
    });

    it("is rejected if the limit is reached before its last part", () => {
      const parts = new DeflateBlocks().stored("12345", { isFinal: true }).stored("6").flush();
      expect(failureOf(() => inflater.inflate(parts.bytes(), 5, true))).toMatchObject({ closeCode: 1009 });
    });

    it("is accepted if it is large but within the limit", () => {
      expect(inflater.inflate(bomb, 30_000_000, true).equals(Buffer.alloc(30_000_000))).toBe(true);
    });
  });

  describe("corrupt data", () => {
    it.each([
      ["a reserved block type", Buffer.of(0x06)],
      ["a stored block with inconsistent lengths", Buffer.of(0x00, 0x05, 0x00, 0x05, 0x00)],
      ["a match before the start of the window", matchMessage(3, 9)],
      ["code lengths that are not a complete set", Buffer.of(0x04, 0xff, 0xff, 0xff, 0xff)],
    ])("is rejected: %s", (_, message) => {
      const failure = failureOf(() => inflater.inflate(message, noLimit, true));
      expect(failure).toMatchObject({ code: "INVALID_DEFLATE_DATA", closeCode: 1007 });
      expect(failure.cause).toBeInstanceOf(Error);
    });

    it("does not affect other users of a shared codec", () => {
      const [first, second] = [factory.inflater(noContext), factory.inflater(noContext)];
      failureOf(() => first.inflate(Buffer.of(0x06), noLimit, true));
      expect(second.inflate(compress(Buffer.from("fine")), noLimit, true).toString()).toBe("fine");
      first.close();
      second.close();
    });

    const text = Buffer.from(trade(1) + trade(2) + trade(3));
    // The first byte of a stored block alone is a valid empty message.
    it.each([
      ["fixed codes", new DeflateBlocks().fixed(["Hello, Hello"]).flush().bytes(), 1],
      ["dynamic codes", compress(Buffer.concat([text, noise(300)])), 1],
      ["a stored block", new DeflateBlocks().stored("Hello, Hello").flush().bytes(), 2],
      [
        "a stored block that is final",
        new DeflateBlocks().stored("Hello, Hello", { isFinal: true }).bytes(),
        2,
      ],
      ["a final block", deflateRawSync(text), 1],
    ])("is rejected if it ends inside a block: %s", (_, message, shortestCut) => {
      for (let size = shortestCut; size < message.length; size++) {
        const codec = factory.inflater(context);
        const cut = message.subarray(0, size);
        expect(failureOf(() => codec.inflate(cut, noLimit, true))).toMatchObject({ closeCode: 1007 });
        codec.close();
      }
    });

    it.each([
      [
        "a stored block includes the tail",
        new DeflateBlocks().stored("\x01\x02\x03\x04\x05\x06\x07\x08").bytes().subarray(0, -4),
      ],
      [
        "the tail contains a valid code",
        Buffer.from("3c4cc90dc030085bc853e01558a0699a564afaa9d85f1524e1631b7cd877d4cb1c70068932f8", "hex"),
      ],
    ])("is rejected if %s", (_, message) => {
      expect(failureOf(() => inflater.inflate(message, noLimit, true))).toMatchObject({ closeCode: 1007 });
    });

    it("does not include data that ends like the tail", () => {
      for (const options of [{ isFinal: true }, {}]) {
        const blocks = new DeflateBlocks().stored("\x00\x00\xff\xff", options);
        expect(inflateText(blocks.flush().bytes())).toBe("\x00\x00\xff\xff");
      }
      expect(inflateText(new DeflateBlocks().fixed(["\x00\x00\xff\xff"]).flush().bytes())).toBe(
        "\x00\x00\xff\xff",
      );
    });

    it("causes only ProtocolError", () => {
      const valid = conversation()
        .slice(0, 12)
        .map((message) => compress(message));
      const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 4,
      });
      const corrupted = fc.tuple(fc.constantFrom(...valid), flips).map(([message, changes]) => {
        const bytes = Buffer.from(message);
        for (const [at, mask] of changes) bytes[at % bytes.length]! ^= mask;
        return bytes;
      });
      const anything = fc.oneof(corrupted, fc.uint8Array({ maxLength: 64 }));
      fc.assert(
        fc.property(
          fc.array(anything, { minLength: 1, maxLength: 4 }),
          fc.boolean(),
          (messages, keepsContext) => {
            const codec = factory.inflater({ windowBits: 15, keepsContext });
            for (const message of messages) {
              try {
                expect(codec.inflate(message, 100_000, true).length).toBeLessThanOrEqual(100_000);
              } catch (error) {
                expect(error).toBeInstanceOf(ProtocolError);
                if (keepsContext) break;
              }
            }
            codec.close();
          },
        ),
        { numRuns: cases(300) },
      );
    });
  });

  it.each([9, 12, 15])(
    "inflates messages that refer to data before rest(), window of %i bits",
    async (windowBits) => {
      const peer = ZlibReference.deflater({ windowBits });
      const codec = factory.inflater({ windowBits, keepsContext: true });
      codec.rest();
      for (const message of conversation()) {
        expect(codec.inflate(await peer.deflate(message), noLimit, true).equals(message)).toBe(true);
        codec.rest();
        codec.rest();
      }
      peer.close();
      codec.close();
      codec.rest();
    },
  );

  it("inflates messages of alternating sizes, which use different inflaters", () => {
    const randomMessages = [300, 1000, 3000, 20_000, 40_000].map((size) => noise(size, size));
    const tiny = Array.from({ length: 20 }, (_, index) => Buffer.from(trade(index)));
    const sent = [
      ...randomMessages,
      ...tiny,
      ...randomMessages.map((bytes) => Buffer.concat([Buffer.from(trade(1)), bytes.subarray(-200)])),
    ];
    for (let round = 0; round < 20; round++) {
      for (const message of [...sent, ...conversation()]) {
        const sentMessage = Buffer.concat([Buffer.from(trade(round)), message]);
        expect(
          inflater.inflate(deflater.deflate(sentMessage), noLimit, round % 2 === 0).equals(sentMessage),
        ).toBe(true);
      }
    }
  });

  it("returns a buffer that is not overwritten if isKept is true", () => {
    const compressed = compress(Buffer.from("first message"));
    const kept = inflater.inflate(compressed, noLimit, true);
    inflater.inflate(compress(Buffer.alloc(100_000, "-")), noLimit, false);
    deflater.deflate(Buffer.alloc(1000, "+"));
    expect(kept.toString()).toBe("first message");
    expect(kept.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize + kept.length);
  });

  it("restores any sequence of messages", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ maxLength: 12 }), fc.integer({ min: 1, max: 400 }))
        .map(([bytes, count]) => Buffer.alloc(bytes.length * count, bytes.length > 0 ? bytes : 0)),
      fc.integer({ min: 0, max: 5 }).map((seed) => noise(3000, seed)),
    );
    const messages = fc.array(
      piece.chain((first) => piece.map((second) => Buffer.concat([first, second]))),
      {
        maxLength: 8,
      },
    );
    const options = fc.record({
      windowBits: fc.integer({ min: 8, max: 15 }),
      keepsContext: fc.boolean(),
      level: fc.integer({ min: -1, max: 9 }),
      memLevel: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(messages, options, (sent, parameters) => {
        const from = factory.deflater(parameters);
        const to = factory.inflater(parameters);
        for (const message of sent) {
          expect(Buffer.compare(to.inflate(from.deflate(message), noLimit, false), message)).toBe(0);
        }
        from.close();
        to.close();
      }),
      { numRuns: cases(150) },
    );
  });
});

/** Returns the results of a sequence of messages, up to the first failure. */
function outcomes(inflater: Inflater, messages: readonly Uint8Array[]): (string | number)[] {
  const seen: (string | number)[] = [];
  try {
    for (const message of messages) seen.push(inflater.inflate(message, 100_000, false).toString("base64"));
  } catch (error) {
    seen.push((error as ProtocolError).closeCode);
  }
  inflater.close();
  return seen;
}

it("the two backends return the same result for every input", () => {
  const [handles, dictionaries] = [createCodecFactory("handle"), createCodecFactory("dictionary")];
  const valid = [
    new DeflateBlocks().fixed(["Hello, Hello"]).flush().bytes(),
    new DeflateBlocks().stored("Hello").flush().bytes(),
    new DeflateBlocks().stored("Hello", { isFinal: true }).fixed(["again"], { isFinal: true }).bytes(),
    compress(Buffer.from(trade(1) + trade(2))),
  ];
  const cut = fc
    .tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([message, size, at, mask]) => {
      const bytes = Buffer.from(message.subarray(0, 1 + (size % message.length)));
      bytes[at % bytes.length]! ^= mask;
      return bytes;
    });
  const messages = fc.array(fc.oneof(cut, fc.uint8Array({ maxLength: 40 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(messages, fc.boolean(), (sent, keepsContext) => {
      const options = { windowBits: 15, keepsContext };
      const expected = outcomes(handles.inflater(options), sent);
      expect(outcomes(dictionaries.inflater(options), sent)).toEqual(expected);
    }),
    { numRuns: cases(1000), seed: 7692 },
  );
});
