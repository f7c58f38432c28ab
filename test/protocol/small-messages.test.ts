import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cases } from "../support/cases.js";
import { cutAt, expectAtEverySplit, expectSame, feedPieces } from "../support/feed.js";
import { message, ProtocolEnd, type Recorded } from "../support/protocol-end.js";
import { badUtf8 } from "../support/utf8-table.js";
import { binaryFrame, closeFrame, fragments, frame, opcodes, pingFrame, textFrame } from "../support/wire.js";

const begin = (): ProtocolEnd => new ProtocolEnd();

function texts(count: number, size: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index}`.padEnd(size, "abcdefghij").slice(0, size));
}

function binaries(count: number, size: number): Buffer[] {
  return texts(count, size).map((text) => Buffer.from(text));
}

function framesOf(all: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(all.map((one) => (typeof one === "string" ? textFrame(one) : binaryFrame(one))));
}

const kinds = [
  ["texts", texts],
  ["binary messages", binaries],
] as const;

function receiveWhole(input: Uint8Array): ProtocolEnd {
  const end = begin();
  feedPieces([input], end.receive);
  return end;
}

describe.each(kinds)("consecutive small %s", (_kind, make) => {
  it.each([0, 1, 2, 12, 13, 60, 125, 126, 127, 128, 255, 256, 257, 384, 640, 1023, 1024, 1025])(
    "of %d bytes are delivered one by one, at every split",
    (size) => {
      const all = make(4, size);
      expectAtEverySplit(framesOf(all), begin, all.map(message));
    },
  );

  it("are delivered in large numbers and mixed sizes", () => {
    const all = [make(500, 32), make(200, 200), make(40, 1000), make(9, 4000), make(300, 3)].flat();
    expectSame(receiveWhole(framesOf(all)).calls, all.map(message));
  });
});

describe("small binary messages", () => {
  function receivedOf(sizes: readonly number[]): Buffer[] {
    const { calls } = receiveWhole(framesOf(sizes.map((size) => Buffer.alloc(size, 7))));
    return calls.map((call) => call[1] as Buffer);
  }

  it("keep at most 8 KiB of other memory alive", () => {
    const received = receivedOf([
      ...Array<number>(500).fill(100),
      4000,
      4000,
      10,
      7000,
      900,
      8000,
      1,
      5000,
      5000,
    ]);
    expect(received).toHaveLength(509);
    for (const { length, buffer } of received) expect(buffer.byteLength).toBeLessThanOrEqual(length + 8192);
  });

  it("do not overlap: writing to one changes no other", () => {
    const [first, second, third] = receivedOf([30, 30, 30]);
    second!.fill(0);
    expect([first, third]).toEqual([Buffer.alloc(30, 7), Buffer.alloc(30, 7)]);
  });

  it("are plain Buffers", () => {
    for (const one of receivedOf([5, 0, 5])) expect(Object.getPrototypeOf(one)).toBe(Buffer.prototype);
  });
});

describe("consecutive small texts", () => {
  it("may contain non-ASCII characters, in one-byte and two-byte strings", () => {
    const all = texts(10, 40).flatMap((text) => [text, `${text} gr\u00fc\u00dfe`, `${text} \u6f22\u{1f600}`]);
    expectSame(receiveWhole(framesOf(all)).calls, all.map(message));
  });

  it("are delivered when ASCII texts follow a non-ASCII text", () => {
    const all = [...texts(3, 20), "\u00fc", ...texts(400, 20)];
    expectSame(receiveWhole(framesOf(all)).calls, all.map(message));
  });

  it("may contain any ASCII character, including the bytes of a header", () => {
    const all = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code, code, 0x01, 0x7e));
    expectSame(receiveWhole(framesOf(all)).calls, all.map(message));
  });

  it("may be followed by frames of any other kind", () => {
    const [first, second] = fragments(opcodes.text, ["one", "two"]);
    const others = [pingFrame("p"), binaryFrame(Buffer.of(0x81, 1)), Buffer.concat([first!, second!])];
    const expected: Recorded[][] = [[["ping", "p"]], [message(Buffer.of(0x81, 1))], [message("onetwo")]];
    for (const [index, other] of others.entries()) {
      const input = Buffer.concat([framesOf(["a", "b", "c"]), other, framesOf(["d", "e"]), closeFrame(1000)]);
      const before = ["a", "b", "c"].map(message);
      const after = ["d", "e"].map(message);
      expectAtEverySplit(input, begin, [...before, ...expected[index]!, ...after, ["close", 1000, ""]]);
    }
  });
});

describe("an invalid frame among small texts", () => {
  it.each(badUtf8)("fails the connection if it contains %s", (_what, bytes) => {
    const bad = Buffer.from(bytes);
    const input = Buffer.concat([framesOf(["a", "b"]), frame({ opcode: 1, payload: bad }), framesOf(["c"])]);
    expect(receiveWhole(input).calls).toEqual([
      message("a"),
      message("b"),
      ["failure", "INVALID_UTF8", 1007],
    ]);
  });

  it.each([
    ["a mask", textFrame("x", { mask: true }), "WRONG_MASKING"],
    ["a length encoded in too many bytes", Buffer.of(0x81, 126, 0, 1, 0x61), "INVALID_LENGTH"],
    ["a reserved bit", Buffer.of(0xc1, 1, 0x61), "UNEXPECTED_RSV"],
    ["a continuation", frame({ opcode: 0, payload: "x" }), "UNEXPECTED_CONTINUATION"],
  ])("fails the connection after the texts before it are delivered: %s", (_what, bad, code) => {
    const input = Buffer.concat([framesOf(["a", "b"]), bad, framesOf(["c"])]);
    expectAtEverySplit(input, begin, [message("a"), message("b"), ["failure", code, 1002]]);
  });

  it("fails the connection if it is inside a fragmented message", () => {
    const [first] = fragments(opcodes.text, ["one", "two"]);
    const input = Buffer.concat([framesOf(["a", "b"]), first!, framesOf(["c", "d"])]);
    const failure: Recorded = ["failure", "EXPECTED_CONTINUATION", 1002];
    expectAtEverySplit(input, begin, [message("a"), message("b"), failure]);
  });

  it.each([{ maxMessageSize: 3 }, { maxFrameSize: 3 }])("fails the connection if it exceeds %j", (limits) => {
    const end = new ProtocolEnd(limits);
    feedPieces([framesOf(["abc", "abc", "abcd", "abc"])], end.receive);
    expect(end.calls).toEqual([message("abc"), message("abc"), ["failure", "MESSAGE_TOO_BIG", 1009]]);
  });
});

describe.each(kinds)("a handler of consecutive small %s", (_kind, make) => {
  it("may pause after any of them, and receives the rest on resume()", () => {
    const all = make(100, 50);
    for (const stopAt of [1, 2, 50, 99, 100]) {
      const end = begin();
      end.onCall = () => {
        if (end.calls.length === stopAt) end.connection.pause();
      };
      feedPieces([framesOf(all)], end.receive);
      expect(end.calls).toHaveLength(stopAt);
      end.connection.resume();
      expectSame(end.calls, all.map(message));
    }
  });

  it("may pause after each of them, and misses none", () => {
    const all = make(300, 40);
    const end = begin();
    end.onCall = () => end.connection.pause();
    feedPieces([framesOf(all)], end.receive);
    while (end.calls.length < all.length) end.connection.resume();
    expectSame(end.calls, all.map(message));
  });

  it("may throw, and receives the rest on resume()", () => {
    const all = make(20, 50);
    const end = begin();
    end.onCall = () => {
      if (end.calls.length === 7) throw new Error("thrown by the test");
    };
    expect(() => feedPieces([framesOf(all)], end.receive)).toThrow("thrown by the test");
    expect(end.calls).toHaveLength(7);
    end.connection.resume();
    expectSame(end.calls, all.map(message));
  });

  it("receives nothing after abandon()", () => {
    const end = begin();
    end.onCall = () => end.connection.abandon();
    feedPieces([framesOf(make(20, 50))], end.receive);
    expect(end.calls).toHaveLength(1);
  });
});

it("messages of any kind arrive complete for any split and any pauses", () => {
  const either = fc.oneof<fc.MaybeWeightedArbitrary<string | Buffer>[]>(
    { weight: 6, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 140 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
    { weight: 1, arbitrary: fc.integer({ min: 250, max: 1030 }).map((size) => "y".repeat(size)) },
    { weight: 4, arbitrary: fc.uint8Array({ maxLength: 140 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.integer({ min: 250, max: 9000 }).map((size) => Buffer.alloc(size, size)) },
  );
  const all = fc.array(fc.tuple(either, fc.integer({ min: 1, max: 6 })), { maxLength: 30, size: "max" });
  const parts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 });
  fc.assert(
    fc.property(all, parts, fc.nat(40), (counted, cuts, pauseEach) => {
      const sent = counted.flatMap(([one, count]) => Array<string | Buffer>(count).fill(one));
      const input = framesOf(sent);
      const end = begin();
      end.onCall = () => {
        if (pauseEach > 0 && end.calls.length % pauseEach === 0) end.connection.pause();
      };
      const positions = cuts.map((cut) => Math.round(cut * input.length)).sort((one, other) => one - other);
      feedPieces(cutAt(input, positions), end.receive);
      for (let before = -1; before < end.calls.length;) {
        before = end.calls.length;
        end.connection.resume();
      }
      // The generated binary strings may contain lone surrogates, which UTF-8 cannot encode.
      expectSame(
        end.calls,
        sent.map((one) => message(typeof one === "string" ? Buffer.from(one).toString() : one)),
      );
    }),
    { numRuns: cases(100) },
  );
});
