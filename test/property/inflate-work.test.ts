// The time to inflate a message is proportional to its bytes on the wire and to its data. Messages of real deflaters are
// accepted whatever their parameters are, and messages that carry no data are rejected early.
import { constants, createDeflateRaw, deflateRawSync, type ZlibOptions } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CodecFactory, Inflater } from "../../protocol/extensions/permessage-deflate/codec.js";
import { createCodecFactory } from "../../protocol/extensions/permessage-deflate/codec-factory.js";
import { cases, runsAll } from "../support/cases.js";
import { context, failureOf, finalBlocks, noContext, noLimit } from "../support/codecs.js";
import { compress, noise } from "../support/compressed.js";
import { measureCpuTime } from "../support/cpu-time.js";
import { DeflateBlocks } from "../support/deflate-blocks.js";

const {
  Z_DEFAULT_STRATEGY,
  Z_FILTERED,
  Z_FIXED,
  Z_FULL_FLUSH,
  Z_HUFFMAN_ONLY,
  Z_PARTIAL_FLUSH,
  Z_RLE,
  Z_SYNC_FLUSH,
} = constants;

const mebibyte = 1024 * 1024;

/** A codec factory with or without its WebAssembly inflater, which is created after 512 KiB. */
function factoryOf(name: CodecFactory["name"], hasWasm: boolean): CodecFactory {
  const factory = createCodecFactory(name);
  const inflater = factory.inflater(context);
  if (hasWasm) for (let at = 0; at < 20; at++) inflater.inflate(compress(noise(30_000)), noLimit, false);
  inflater.close();
  return factory;
}

const backends = (["handle", "dictionary"] as const).flatMap((name) =>
  [false, true].map((hasWasm) => ({ name, hasWasm, factory: factoryOf(name, hasWasm) })),
);

type Flush = number;

/** Compresses a message with one zlib stream that is flushed after each chunk, like a peer that streams a message. */
async function deflateInChunks(
  content: Buffer,
  chunkSize: number,
  flush: Flush,
  options: ZlibOptions,
): Promise<Buffer> {
  const stream = createDeflateRaw(options);
  const output: Buffer[] = [];
  stream.on("data", (bytes: Buffer) => output.push(bytes));
  const write = (bytes: Buffer, kind: Flush): Promise<void> => {
    stream.write(bytes);
    return new Promise((resolve) => stream.flush(kind, resolve));
  };
  for (let at = 0; at < content.length; at += chunkSize)
    await write(content.subarray(at, at + chunkSize), flush);
  await write(Buffer.from("."), Z_SYNC_FLUSH);
  stream.close();
  return Buffer.concat(output).subarray(0, -4);
}

const contents = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.nat()).map(([size, seed]) => noise(size, seed)),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 100 }))
    .map(([text, count]) => Buffer.from(text.repeat(count))),
);

const zlibOptions = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  windowBits: fc.integer({ min: 9, max: 15 }),
  strategy: fc.constantFrom(Z_DEFAULT_STRATEGY, Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE),
});

/** Inflates a message as a whole and in two pieces. */
function expectInflated(inflater: Inflater, message: Buffer, expected: Buffer): void {
  expect(inflater.inflate(message, expected.length, true).equals(expected)).toBe(true);
  const middle = message.length >> 1;
  const pieces = [message.subarray(0, middle), message.subarray(middle)];
  expect(inflater.inflatePieces!(pieces, expected.length, true).equals(expected)).toBe(true);
}

describe.each(backends.filter(({ name }) => name === "handle"))(
  "the handle backend, with WebAssembly: $hasWasm",
  ({ factory }) => {
    it("rejects 1 MiB of empty blocks, even after much data", () => {
      const inflater = factory.inflater(noContext);
      const data = [deflateRawSync(noise(3 * mebibyte), { finishFlush: Z_SYNC_FLUSH })];
      data.push(deflateRawSync(Buffer.alloc(20 * mebibyte), { finishFlush: Z_SYNC_FLUSH }));
      const emptyBlocks = Buffer.alloc(mebibyte, new DeflateBlocks().stored("").bytes());
      const message = Buffer.concat([...data, emptyBlocks, Buffer.of(0)]);
      expect(failureOf(() => inflater.inflate(message, noLimit, false))).toMatchObject({
        ...{ code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: 1008 },
      });
      const fewer = Buffer.concat([...data, emptyBlocks.subarray(0, 300_000), ...data, Buffer.of(0)]);
      expect(inflater.inflate(fewer, noLimit, false).length).toBe(46 * mebibyte);
      inflater.close();
    });
  },
);

describe.each(backends)("the $name backend, with WebAssembly: $hasWasm", ({ factory }) => {
  it("accepts what zlib deflates, with any options and a flush after any number of bytes", async () => {
    const inflater = factory.inflater(noContext);
    await fc.assert(
      fc.asyncProperty(
        contents,
        fc.constantFrom(1, 2, 7, 100, 5000),
        fc.constantFrom<Flush>(Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH),
        zlibOptions,
        async (content, chunkSize, flush, options) => {
          const message = await deflateInChunks(content, chunkSize, flush, options);
          expectInflated(inflater, message, Buffer.concat([content, Buffer.from(".")]));
        },
      ),
      { numRuns: cases(100) },
    );
    inflater.close();
  });

  it("accepts a message whose parts are all ended by final blocks, with any options", () => {
    const inflater = factory.inflater(noContext);
    const parts = fc.array(fc.tuple(contents, fc.integer({ min: 1, max: 500 }), zlibOptions), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(parts, (all) => {
        const content: Buffer[] = [];
        const message: Buffer[] = [];
        for (const [bytes, size, options] of all) {
          for (let at = 0; at < bytes.length; at += size) {
            content.push(bytes.subarray(at, at + size));
            message.push(deflateRawSync(bytes.subarray(at, at + size), options));
          }
        }
        expectInflated(inflater, Buffer.concat(message), Buffer.concat(content));
      }),
      { numRuns: cases(100) },
    );
    inflater.close();
  });

  it.each([
    ["a flush", Z_SYNC_FLUSH, [] as number[]],
    ["two flushes", Z_SYNC_FLUSH, [0, 0, 0, 0xff, 0xff]],
    ["a final block", constants.Z_FINISH, [] as number[]],
    ["a flush and a final block", Z_SYNC_FLUSH, [0x03, 0x00]],
  ])("accepts 3 MiB of which each byte is followed by %s, at the worst level", (_, finishFlush, more) => {
    const one = Buffer.concat([deflateRawSync("x", { level: 0, finishFlush }), Buffer.from(more)]);
    const count = Math.ceil((3 * mebibyte) / one.length);
    const message = Buffer.concat([Buffer.alloc(count * one.length, one), Buffer.of(0)]);
    const inflater = factory.inflater(noContext);
    expect(inflater.inflate(message, count, true).equals(Buffer.alloc(count, "x"))).toBe(true);
    inflater.close();
  });

  it("accepts final blocks after each byte, whatever the pieces of the message are", () => {
    const count = 20_000;
    const message = Buffer.alloc(6 * count, deflateRawSync("x", { level: 0 }));
    const inflater = factory.inflater(context);
    for (const size of [1, 7, 1000, 65_536]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < message.length; at += size) pieces.push(message.subarray(at, at + size));
      const inflated = inflater.inflatePieces!(pieces, count, true);
      expect(inflated.equals(Buffer.alloc(count, "x"))).toBe(true);
    }
    inflater.close();
  });

  it("reports corrupt data in a large message without data", () => {
    const inflater = factory.inflater(noContext);
    for (const start of [Buffer.of(0x06), Buffer.concat([finalBlocks(1), Buffer.of(0x06)])]) {
      const message = Buffer.concat([start, Buffer.alloc(1e6)]);
      expect(failureOf(() => inflater.inflate(message, noLimit, false)).closeCode).toBe(1007);
    }
    inflater.close();
  });

  it("accepts large messages that do not compress, and large messages that compress well", () => {
    const inflater = factory.inflater(context);
    const incompressible = noise((runsAll ? 5 : 2) * mebibyte);
    for (const options of [{ level: 0 }, { level: 1 }, { memLevel: 1 }, { strategy: Z_FIXED }])
      expectInflated(inflater, compress(incompressible, options), incompressible);
    const zeros = Buffer.alloc((runsAll ? 30 : 10) * mebibyte);
    expectInflated(inflater, compress(zeros), zeros);
    inflater.close();
  });

  /** Eight empty dynamic blocks with ten codes. zlib takes longest for blocks like these. */
  const dynamicBlocks = Buffer.from(
    "04c181010020140511f77efbcf1c9f203830000084a220e2de6fff99e3130407060080501444dcfbed3f737c82e0c00000108a82" +
      "887bbffd678e4f101c18000042511071efb7ffccf1098203030040280a22eefdf69f393e4170600000084541c4bddffe33c72708" +
      "0e0c0000a12888b8f7db7fe6f8",
    "hex",
  );
  const emptyBlocks: [name: string, pattern: Buffer][] = [
    ["stored blocks", new DeflateBlocks().stored("").bytes()],
    ["fixed blocks", new DeflateBlocks().fixed([]).fixed([]).fixed([]).fixed([]).bytes()],
    ["dynamic blocks", dynamicBlocks],
  ];

  describe.each(emptyBlocks)("rejects empty %s", (_, pattern) => {
    const repeated = (size: number): Buffer =>
      Buffer.alloc(Math.floor(size / pattern.length) * pattern.length, pattern);

    it.each([
      ["130 KiB", (): Buffer[] => [repeated(130 * 1024)]],
      ["1 MB", (): Buffer[] => [repeated(1e6)]],
      ["3 MB after 100,000 bytes of data", (): Buffer[] => [deflateRawSync(noise(1e5)), repeated(3e6)]],
      ["300 KB after a final block", (): Buffer[] => [finalBlocks(1), repeated(3e5)]],
      [
        "300 KB before data",
        (): Buffer[] => [repeated(3e5), new DeflateBlocks().stored("x".repeat(9)).bytes()],
      ],
    ])("of %s", (_name, build) => {
      const inflater = factory.inflater(noContext);
      const message = Buffer.concat([...build(), Buffer.of(0)]);
      const failures = [
        failureOf(() => inflater.inflate(message, noLimit, false)),
        failureOf(() =>
          inflater.inflatePieces!([message.subarray(0, 999), message.subarray(999)], noLimit, false),
        ),
      ];
      for (const failure of failures)
        expect(failure).toMatchObject({ code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: 1008 });
      inflater.close();
    });

    it("of 60 MB without inflating all of them", () => {
      const inflater = factory.inflater(noContext);
      const message = repeated(60e6);
      const cpuTime = measureCpuTime();
      expect(failureOf(() => inflater.inflate(message, noLimit, false)).closeCode).toBe(1008);
      // Inflating all of them takes 0.1 s for stored, 0.4 s for fixed and 3 s for dynamic blocks. Inflating the first
      // 256 KiB takes at most 15 ms.
      expect(cpuTime()).toBeLessThan(150);
      inflater.close();
    });
  });

  it.each([
    ["one message of 65,000", 65_000, 1],
    ["1,000 messages of 65", 65, 1_000],
    ["20 messages of 5,000", 5_000, 20],
    ["40,000 messages of one", 1, 40_000],
  ])("inflates or rejects %s final blocks without loading a window for each of them", (_, count, times) => {
    const inflater = factory.inflater(context);
    inflater.inflate(compress(noise(40_000)), noLimit, false);
    const message = finalBlocks(count);
    const cpuTime = measureCpuTime();
    let failure: unknown;
    try {
      for (let time = 0; time < times; time++) inflater.inflate(message, noLimit, false);
    } catch (error) {
      failure = error;
    }
    // Loading a window of 32 KiB takes zlib 3 us with a handle and 15 us without: 0.1 to 1 s for these blocks.
    expect(cpuTime()).toBeLessThan(100);
    if (count > 13_107) expect(failure).toMatchObject({ code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: 1008 });
    else expect(failure).toBeUndefined();
    inflater.close();
  });
});
