import { describe, expect, it } from "vitest";
import type { Role } from "../../protocol/constants.js";
import type { ProtocolError } from "../../protocol/errors.js";
import { FrameParser, type FrameSink } from "../../protocol/frame-parser.js";
import { expectAtEverySplit, type FeedSubject, feedPieces } from "../support/feed.js";
import {
  binaryFrame,
  boundaryLengths,
  closeFrame,
  fragments,
  frame,
  opcodes,
  pingFrame,
  textFrame,
} from "../support/wire.js";

type Parsed = readonly [first: number, payload: string] | readonly [error: string];

/** Records each complete frame, and checks that the parser follows the rules of FrameSink. */
class RecordingSink implements FrameSink {
  readonly parser: FrameParser;
  readonly calls: Parsed[] = [];
  #first = 0;
  #remaining: number | undefined;
  #pieces: Buffer[] = [];

  constructor(role: Role) {
    this.parser = new FrameParser(this, role);
  }

  onFrameHeader(first: number, payloadSize: number): void {
    if (this.#remaining !== undefined) throw new Error("A header came inside a frame.");
    this.#first = first;
    this.#remaining = payloadSize;
  }

  onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    if (this.#remaining === undefined) throw new Error("A payload came without a header.");
    if (start === end && this.#remaining > 0) throw new Error("An empty piece came.");
    this.#remaining -= end - start;
    if (isLast !== (this.#remaining === 0)) throw new Error("The last piece is not the last.");
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    if (!isLast) return;
    this.calls.push([this.#first, Buffer.concat(this.#pieces).toString("latin1")]);
    this.#pieces = [];
    this.#remaining = undefined;
  }

  onFrameError(error: ProtocolError): void {
    this.parser.halt();
    this.calls.push([error.code]);
  }
}

function parserOf(role: Role): FeedSubject<Parsed> {
  const { parser, calls } = new RecordingSink(role);
  return { calls, receive: (bytes, start, end) => parser.receive(bytes, start, end) };
}

const roles = ["client", "server"] as const;

function latin1(size: number): string {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 7) & 255)).toString("latin1");
}

describe.each(roles)("FrameParser of a %s", (role) => {
  const mask = role === "server";

  it.each(boundaryLengths)("parses a frame of %d bytes at every split", (size) => {
    const payload = latin1(size);
    const bytes = binaryFrame(Buffer.from(payload, "latin1"), { mask });
    expectAtEverySplit(bytes, () => parserOf(role), [[0x82, payload]]);
  });

  it("parses consecutive frames at every split", () => {
    const bytes = Buffer.concat([
      textFrame("", { mask }),
      ...fragments(opcodes.text, ["a", "", "bc"], { mask, rsv1: true }),
      pingFrame("", { mask }),
      binaryFrame(Buffer.from("x".repeat(200)), { mask: mask && [0, 0, 0, 0] }),
      closeFrame(1000, "bye", { mask: mask && [255, 0, 255, 1] }),
      textFrame("behind", { mask }),
    ]);
    const expected: Parsed[] = [
      [0x81, ""],
      [0x41, "a"],
      [0x00, ""],
      [0x80, "bc"],
      [0x89, ""],
      [0x82, "x".repeat(200)],
      [0x88, "\x03\xe8bye"],
      [0x81, "behind"],
    ];
    expectAtEverySplit(bytes, () => parserOf(role), expected);
  });

  const faults: [string, Buffer, string][] = [
    ["RSV2", frame({ opcode: 1, rsv2: true, mask, payload: "x" }), "UNEXPECTED_RSV"],
    ["RSV3", frame({ opcode: 9, rsv3: true, mask }), "UNEXPECTED_RSV"],
    ["a reserved opcode", frame({ opcode: 3, mask }), "UNKNOWN_OPCODE"],
    ["a reserved control opcode", frame({ opcode: 11, mask }), "UNKNOWN_OPCODE"],
    ["the masking of the wrong role", textFrame("x", { mask: !mask }), "WRONG_MASKING"],
    ["a fragmented ping", pingFrame("", { isFinal: false, mask }), "FRAGMENTED_CONTROL_FRAME"],
    ["a ping of 126 bytes", pingFrame("x".repeat(126), { mask }), "CONTROL_FRAME_TOO_BIG"],
    ["16 bits for 125", textFrame("x".repeat(125), { mask, lengthBits: 16 }), "INVALID_LENGTH"],
    ["64 bits for 65535", frame({ opcode: 2, mask, announced: 65535, lengthBits: 64 }), "INVALID_LENGTH"],
    ["a length of 2^63", frame({ opcode: 2, mask, announced: 2n ** 63n, lengthBits: 64 }), "INVALID_LENGTH"],
  ];

  it.each(faults)("rejects %s and stops there, at every split", (_what, bytes, code) => {
    const input = Buffer.concat([textFrame("before", { mask }), bytes, textFrame("behind", { mask })]);
    expectAtEverySplit(input, () => parserOf(role), [[0x81, "before"], [code]]);
  });

  it("rejects a header as soon as its first two bytes show the error", () => {
    const { receive, calls } = parserOf(role);
    feedPieces([pingFrame("x".repeat(126), { mask }).subarray(0, 2)], receive);
    expect(calls).toEqual([["CONTROL_FRAME_TOO_BIG"]]);
  });

  it("reports its position within a frame", () => {
    const { parser } = new RecordingSink(role);
    const bytes = Buffer.concat([binaryFrame(Buffer.alloc(300), { mask }), textFrame("", { mask })]);
    const headerSize = mask ? 8 : 4;
    const status = (): unknown => [parser.partialHeaderSize, parser.isInsideFrame];
    expect(status()).toEqual([0, false]);
    parser.receive(bytes, 0, 1);
    expect(status()).toEqual([1, false]);
    parser.receive(bytes, 1, headerSize - 1);
    expect(status()).toEqual([headerSize - 1, false]);
    parser.receive(bytes, headerSize - 1, headerSize);
    expect(status()).toEqual([0, true]);
    parser.receive(bytes, headerSize, headerSize + 299);
    expect(status()).toEqual([0, true]);
    parser.receive(bytes, headerSize + 299, bytes.length - 1);
    expect(status()).toEqual([mask ? 5 : 1, false]);
    parser.receive(bytes, bytes.length - 1, bytes.length);
    expect(status()).toEqual([0, false]);
  });
});

it("the header of a frame is reported before its payload arrives", () => {
  const headers: [number, number][] = [];
  const sink: FrameSink = {
    onFrameHeader: (first, size) => headers.push([first, size]),
    onFramePayload: () => expect.unreachable(),
    onFrameError: () => expect.unreachable(),
  };
  new FrameParser(sink, "client").receive(frame({ opcode: 2, announced: 2n ** 62n, lengthBits: 64 }), 0, 10);
  expect(headers).toEqual([[0x82, 2 ** 62]]);
});

it("a client gets views of the received bytes, and a server's input is not changed", () => {
  const seen: Buffer[] = [];
  const sink: FrameSink = {
    onFrameHeader: () => {},
    onFramePayload: (bytes) => seen.push(bytes),
    onFrameError: () => expect.unreachable(),
  };
  const plain = textFrame("in place");
  new FrameParser(sink, "client").receive(plain, 0, plain.length);
  expect(seen[0]).toBe(plain);
  const masked = textFrame("in place", { mask: true });
  const before = Buffer.from(masked);
  new FrameParser(sink, "server").receive(masked, 0, masked.length);
  expect(masked).toEqual(before);
});

describe("halt", () => {
  /** Halts after each frame, as `pause()` does inside a handler. */
  class HaltingSink extends RecordingSink {
    override onFramePayload(bytes: Buffer, start: number, end: number, isLast: boolean): void {
      super.onFramePayload(bytes, start, end, isLast);
      if (isLast) this.parser.halt();
    }
  }

  it("stops before the next frame and sets the position", () => {
    const { parser, calls } = new HaltingSink("client");
    const frames = [textFrame("one"), textFrame(""), textFrame("three")];
    const bytes = Buffer.concat(frames);
    parser.receive(bytes, 0, bytes.length);
    expect([calls.length, parser.position]).toEqual([1, 5]);
    parser.receive(bytes, parser.position, bytes.length);
    expect([calls.length, parser.position]).toEqual([1, 5]);
    parser.resume();
    parser.receive(bytes, parser.position, bytes.length);
    expect([calls.length, parser.position]).toEqual([2, 7]);
    parser.resume();
    parser.receive(bytes, parser.position, bytes.length);
    expect([calls.length, parser.position]).toEqual([3, 14]);
  });

  it("suppresses the payload of a rejected header, even an empty one", () => {
    const reported: string[] = [];
    const parser: FrameParser = new FrameParser(
      {
        onFrameHeader: () => parser.halt(),
        onFramePayload: () => reported.push("payload"),
        onFrameError: () => reported.push("error"),
      },
      "client",
    );
    parser.receive(textFrame(""), 0, 2);
    expect(reported).toEqual([]);
    parser.resume();
    const bytes = textFrame("abc");
    parser.receive(bytes, 0, bytes.length);
    expect(reported).toEqual([]);
  });

  it("keeps the position of the first undelivered byte when the sink throws", () => {
    const parser = new FrameParser(
      {
        onFrameHeader: () => {},
        onFramePayload: () => {
          throw new Error("thrown by the sink");
        },
        onFrameError: () => expect.unreachable(),
      },
      "client",
    );
    const bytes = Buffer.concat([textFrame("one"), textFrame("two")]);
    expect(() => parser.receive(bytes, 0, bytes.length)).toThrow("thrown by the sink");
    expect(parser.position).toBe(5);
    expect(() => parser.receive(bytes, 5, bytes.length)).toThrow("thrown by the sink");
    expect(parser.position).toBe(10);
  });
});
