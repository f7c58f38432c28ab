import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Deflater, Inflater } from "../../../../protocol/extensions/permessage-deflate/codec.js";
import { DictionaryBackend } from "../../../../protocol/extensions/permessage-deflate/dictionary-backend.js";
import { context, failureOf, finalBlocks, noContext, noLimit, unusedSink } from "../../../support/codecs.js";
import { compress, matchMessage, noise, storedMessage } from "../../../support/compressed.js";
import { StrictInflater } from "../../../support/strict-inflate.js";

function inflaterOf(options = context): Inflater {
  return new DictionaryBackend().inflater(options);
}

function deflaterOf(options = context): Deflater {
  return new DictionaryBackend().deflater({ ...options, level: 6, memLevel: 8 });
}

it("has the name of its option and no shared state between two backends", () => {
  expect(new DictionaryBackend().name).toBe("dictionary");
  inflaterOf().inflate(storedMessage(noise(10)), noLimit, false);
  expect(failureOf(() => inflaterOf().inflate(matchMessage(3, 1), noLimit, false)).closeCode).toBe(1007);
});

describe("an inflater of the DictionaryBackend", () => {
  /** Two ways to send the same bytes. */
  const encodings: [name: string, encode: (content: Buffer) => Buffer][] = [
    ["a flush", (content) => compress(content)],
    ["a final block", (content) => deflateRawSync(content)],
  ];

  describe.each(encodings)("of messages that end with %s", (_, encode) => {
    it("refers to the messages of its own connection only", () => {
      const backend = new DictionaryBackend();
      const contents = [40_000, 20, 3000].map((size) => noise(size, size));
      const inflaters = contents.map(() => backend.inflater(context));
      for (let round = 0; round < 2; round++) {
        for (const [index, content] of contents.entries()) {
          const inflater = inflaters[index]!;
          expect(inflater.inflate(encode(content), noLimit, false).equals(content)).toBe(true);
        }
      }
      for (const [index, content] of contents.entries()) {
        const distance = Math.min(2 * content.length, 32_768);
        const history = Buffer.concat([content, content]).subarray(-distance);
        const inflated = inflaters[index]!.inflate(matchMessage(10, distance), noLimit, false);
        expect(inflated).toEqual(history.subarray(0, 10));
      }
    });

    it("clears its window at each message if no context is kept, and in close()", () => {
      const [without, closed] = [inflaterOf(noContext), inflaterOf()];
      for (const inflater of [without, closed]) {
        inflater.inflate(encode(noise(10)), noLimit, false);
        if (inflater === closed) inflater.close();
        const error = failureOf(() => inflater.inflate(matchMessage(3, 1), noLimit, false));
        expect(error).toMatchObject({ code: "INVALID_DEFLATE_DATA", closeCode: 1007 });
      }
    });

    it("keeps its window during rest()", () => {
      const inflater = inflaterOf();
      inflater.inflate(encode(noise(10)), noLimit, false);
      inflater.rest();
      expect(inflater.inflate(matchMessage(3, 10), noLimit, false)).toEqual(noise(10).subarray(0, 3));
    });

    it("accepts a message of exactly the limit, or any message without a limit", () => {
      const content = noise(2000);
      for (const limit of [2000, 2001, Infinity])
        expect(inflaterOf().inflate(encode(content), limit, false).equals(content)).toBe(true);
      for (const limit of [0, 1999]) {
        expect(failureOf(() => inflaterOf().inflate(encode(content), limit, false))).toMatchObject({
          code: "MESSAGE_TOO_BIG",
          message: expect.stringContaining(`more than ${limit} bytes`) as string,
        });
      }
    });
  });

  it("inflates no bytes as an empty message and keeps the window", () => {
    for (const inflater of [inflaterOf(), inflaterOf(noContext)])
      expect(inflater.inflate(Buffer.alloc(0), 0, false)).toHaveLength(0);
    const inflater = inflaterOf();
    inflater.inflate(storedMessage(noise(10)), noLimit, false);
    inflater.inflate(Buffer.alloc(0), 0, false);
    expect(inflater.inflate(matchMessage(3, 10), noLimit, false)).toEqual(noise(10).subarray(0, 3));
  });

  it("copies a kept message, so that the chunk of zlib can be freed", () => {
    const content = noise(40_000);
    const [lent, kept] = [false, true].map((isKept) =>
      inflaterOf().inflate(deflateRawSync(content), noLimit, isKept),
    );
    expect([lent!.equals(content), kept!.equals(content)]).toEqual([true, true]);
    expect(lent!.buffer.byteLength).toBeGreaterThan(40_000);
    expect(kept!.buffer.byteLength).toBe(40_000);
  });

  it("returns a message of several zlib streams as one buffer", () => {
    const [first, second] = [noise(500, 1), noise(500, 2)];
    const message = Buffer.concat([deflateRawSync(first), deflateRawSync(second)]);
    for (const isKept of [false, true])
      expect(inflaterOf().inflate(message, 1000, isKept)).toEqual(Buffer.concat([first, second]));
    expect(failureOf(() => inflaterOf().inflate(message, 999, true)).code).toBe("MESSAGE_TOO_BIG");
    expect(failureOf(() => inflaterOf().inflate(message, 499, true)).code).toBe("MESSAGE_TOO_BIG");
  });

  it("throws an error with the message of zlib and its error as the cause", () => {
    const error = failureOf(() => inflaterOf().inflate(Buffer.of(0x06), noLimit, false));
    expect(error).toMatchObject({ code: "INVALID_DEFLATE_DATA", closeCode: 1007 });
    expect(error.message).toContain(": invalid block type.");
    expect(error.cause).toMatchObject({ code: "Z_DATA_ERROR" });
  });

  it("detects a stored block that contains the appended tail", () => {
    const whole = storedMessage(Buffer.concat([noise(5000), Buffer.of(0x00, 0x00, 0xff, 0xff)]));
    expect(inflaterOf().inflate(whole, noLimit, false)).toHaveLength(5004);
    // The appended tail replaces the content that is missing, and completes the block.
    const cut = whole.subarray(0, 5005);
    const error = failureOf(() => inflaterOf().inflate(cut, noLimit, false));
    expect(error).toMatchObject({ code: "INVALID_DEFLATE_DATA", closeCode: 1007 });
    expect(error.message).toContain(": it ends inside a block.");
    expect(error.cause).toBeUndefined();
  });

  it("accepts messages that end with the bytes of the tail or of its own marker", () => {
    for (const end of ["0000ffff", "a55ac33c", "a55ac33ca55ac33c", "a55ac33c0000ffff"]) {
      const content = Buffer.concat([noise(5000), Buffer.from(end, "hex")]);
      for (const compressed of [storedMessage(content), deflateRawSync(content)])
        expect(inflaterOf().inflate(compressed, noLimit, false).equals(content)).toBe(true);
    }
  });

  it("rejects the 13,108th final block of a message without data, but counts each message anew", () => {
    const inflater = inflaterOf(noContext);
    const error = failureOf(() => inflater.inflate(finalBlocks(13_108), 1000, false));
    expect(error).toMatchObject({ code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: 1008 });
    expect(inflater.inflate(finalBlocks(13_107), 1000, false)).toHaveLength(0);
  });

  it("returns whole messages, even to a sink, and does not accept pieces", () => {
    const inflater = inflaterOf();
    const content = Buffer.alloc(9 * 1024 * 1024, "é");
    const compressed = compress(content, { level: 1 });
    expect(inflater.inflate(compressed, noLimit, false, unusedSink).equals(content)).toBe(true);
    expect(inflater.inflatePieces).toBeUndefined();
  });

  it("accepts a window of 9 bits if 8 were negotiated, but no larger one", () => {
    const inflater = inflaterOf({ windowBits: 8, keepsContext: true });
    const content = noise(600);
    inflater.inflate(storedMessage(content), noLimit, false);
    expect(inflater.inflate(matchMessage(3, 512), noLimit, false)).toEqual(content.subarray(88, 91));
    expect(failureOf(() => inflater.inflate(matchMessage(3, 513), noLimit, false)).closeCode).toBe(1007);
  });
});

describe("a deflater of the DictionaryBackend", () => {
  it("removes the four bytes at the end of the flush", () => {
    const deflater = deflaterOf();
    // RFC 7692 7.2.3.1.
    const first = deflater.deflate(Buffer.from("Hello"));
    expect(Buffer.from(first).toString("hex")).toBe("f248cdc9c90700");
    const second = deflater.deflate(Buffer.from("Hello"));
    expect(second.length).toBeLessThan(first.length);
    const peer = new StrictInflater(15);
    expect([first, second].map((message) => peer.inflate(message).toString())).toEqual(["Hello", "Hello"]);
  });

  it("writes an empty message as one zero byte and keeps the window", () => {
    const deflater = deflaterOf();
    expect([...deflater.deflate(Buffer.alloc(0))]).toEqual([0]);
    deflater.deflate(noise(300));
    expect([...deflater.deflate(Buffer.alloc(0))]).toEqual([0]);
    expect(deflater.deflate(noise(300)).length).toBeLessThan(30);
  });

  it("refers to no earlier message if no context is kept, or after close()", () => {
    const [without, closed] = [deflaterOf(noContext), deflaterOf()];
    for (const deflater of [without, closed]) {
      const first = Buffer.from(deflater.deflate(noise(300)));
      if (deflater === closed) deflater.close();
      expect(Buffer.from(deflater.deflate(noise(300)))).toEqual(first);
    }
  });

  it("refers to the messages of its own connection only", () => {
    const backend = new DictionaryBackend();
    const connections = [40_000, 300, 20].map((size) => ({
      deflater: backend.deflater({ ...context, level: 6, memLevel: 8 }),
      peer: new StrictInflater(15),
      content: noise(size, size),
    }));
    for (let round = 0; round < 3; round++) {
      for (const { deflater, peer, content } of connections) {
        const compressed = deflater.deflate(content);
        expect(peer.inflate(compressed).equals(content)).toBe(true);
        // A message of 40 KB does not fit into the window.
        if (round > 0 && content.length < 32_768)
          expect(compressed.length).toBeLessThan(content.length / 1.5);
      }
    }
  });

  it.each([8, 9, 12])("refers to no bytes before a window of %i bits", (windowBits) => {
    const deflater = deflaterOf({ windowBits, keepsContext: true });
    const peer = new StrictInflater(windowBits);
    const size = 2 ** windowBits - 20;
    for (const content of [noise(size), noise(size), noise(30), noise(size)])
      expect(peer.inflate(deflater.deflate(content))).toEqual(content);
  });

  it.each([1, 1023, 1024, 65_535, 65_536, 65_537])("deflates %i bytes that do not compress", (size) => {
    const compressed = deflaterOf().deflate(noise(size));
    expect(compressed.length).toBeGreaterThanOrEqual(size);
    expect(new StrictInflater(15).inflate(compressed).equals(noise(size))).toBe(true);
  });
});
