import { describe, expect, it } from "vitest";
import type { ProtocolError } from "../../protocol/errors.js";
import { FrameParser } from "../../protocol/frame-parser.js";
import { Loans } from "../../protocol/loans.js";
import { SegmentPool } from "../../protocol/segment-pool.js";
import { Slab } from "../../protocol/slab.js";
import { SpareBuffer } from "../../protocol/spare-buffer.js";
import {
  type AssemblerHandler,
  MessageAssembler,
  type MessageSink,
} from "../../protocol/message-assembler.js";
import { type MessageLimits, resolveLimits } from "../../protocol/message-limits.js";
import { expectAtEverySplit, type Feed, feedPieces } from "../support/feed.js";
import { inverted, InvertingExtension, invertingOverhead } from "../support/inverting-extension.js";
import { badUtf8, edgeCharacters } from "../support/utf8-table.js";
import {
  binaryFrame,
  boundaryLengths,
  fragments,
  frame,
  opcodes,
  pingFrame,
  pongFrame,
  textFrame,
} from "../support/wire.js";

type Call =
  | readonly ["message", string | Buffer, number]
  | readonly ["control", number, string]
  | readonly ["failed", string, number];

const message = (data: string | Buffer): Call => ["message", data, Buffer.byteLength(data)];
const control = (opcode: number, payload: string): Call => ["control", opcode, payload];
const failed = (code: string, closeCode: number): Call => ["failed", code, closeCode];

const wide: MessageLimits = { maxMessageSize: 1_000_000, maxFrameSize: 1_000_000, maxFragments: 131_072 };

/** Memory that all subjects share, with a small scratch buffer. */
const memory = {
  ...{ slab: new Slab(), segments: new SegmentPool(), spare: new SpareBuffer(1_000_000) },
  ...{ scratch: Buffer.alloc(100), loans: new Loans() },
};

/** An assembler with its parser, which stops after the first failed message. */
class Subject implements MessageSink, AssemblerHandler {
  readonly calls: Call[] = [];
  readonly errors: ProtocolError[] = [];
  readonly assembler: MessageAssembler;
  readonly parser: FrameParser;

  constructor(limits: Partial<MessageLimits> = {}, extension?: InvertingExtension) {
    this.assembler = new MessageAssembler(this, this, { ...wide, ...limits }, extension, memory);
    this.parser = new FrameParser(this.assembler, "client");
  }

  readonly receive: Feed = (bytes, start, end) => this.parser.receive(bytes, start, end);

  onMessage(data: string | Buffer, size: number): void {
    this.calls.push(["message", data, size]);
  }

  onBorrowed(): boolean {
    return false;
  }

  onControl(opcode: number, payload: Buffer): void {
    this.calls.push(["control", opcode, payload.toString("latin1")]);
  }

  onMessageError(error: ProtocolError): void {
    this.errors.push(error);
    this.calls.push(failed(error.code, error.closeCode));
    this.parser.halt();
  }
}

const ordinary = (): Subject => new Subject();
const extended = (): Subject => new Subject(wide, new InvertingExtension());

function bytesOf(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 7) & 255));
}

describe("complete messages", () => {
  it.each(boundaryLengths)("of %d bytes are delivered at every split, text and binary", (size) => {
    const text = "x".repeat(Math.max(0, size - 2)) + (size >= 2 ? "é" : "y".repeat(size));
    expectAtEverySplit(textFrame(text), ordinary, [message(text)]);
    const binary = bytesOf(size);
    expectAtEverySplit(binaryFrame(binary), ordinary, [message(binary)]);
  });

  it("have their own memory if they are binary", () => {
    for (const size of [5, 5000, 70_000]) {
      const subject = ordinary();
      const bytes = binaryFrame(bytesOf(size));
      subject.receive(bytes, 0, bytes.length);
      bytes.fill(0);
      const [, data] = subject.calls[0]!;
      expect(bytesOf(size).equals(data as Buffer)).toBe(true);
      expect((data as Buffer).buffer.byteLength).toBeLessThanOrEqual(size + 8192);
    }
  });
});

describe("fragments", () => {
  it.each([
    [["a"]],
    [["", ""]],
    [["", "", "all at the end"]],
    [["all at the beginning", "", ""]],
    [["He", "ll", "o"]],
    [["x".repeat(126), "y".repeat(200), "z"]],
  ])("of %j become one message at every split", (pieces) => {
    const whole = pieces.join("");
    expectAtEverySplit(Buffer.concat(fragments(opcodes.text, pieces)), ordinary, [message(whole)]);
    const bytes = Buffer.concat(fragments(opcodes.binary, pieces));
    expectAtEverySplit(bytes, ordinary, [message(Buffer.from(whole))]);
  });

  it("may split text inside any character", () => {
    const text = Buffer.from(edgeCharacters.join(""));
    for (let at = 0; at <= text.length; at++) {
      const input = Buffer.concat(fragments(opcodes.text, [text.subarray(0, at), text.subarray(at)]));
      expectAtEverySplit(input, ordinary, [message(text.toString())]);
    }
    const bytewise = Array.from(text, (byte) => Uint8Array.of(byte));
    expectAtEverySplit(Buffer.concat(fragments(opcodes.text, bytewise)), ordinary, [
      message(text.toString()),
    ]);
  });

  it("may be interleaved with control frames, which are delivered at once", () => {
    const [first, second, third] = fragments(opcodes.text, ["fir€", "", "last"]);
    const input = Buffer.concat([
      ...[first!, pingFrame("1"), pongFrame(), second!, pingFrame("x".repeat(125)), pingFrame(), third!],
      textFrame("next"),
    ]);
    const expected = [
      control(9, "1"),
      control(10, ""),
      control(9, "x".repeat(125)),
      control(9, ""),
      message("fir€last"),
      message("next"),
    ];
    expectAtEverySplit(input, ordinary, expected);
  });

  it("may be interleaved with a control frame inside a character", () => {
    const [first, second] = fragments(opcodes.text, [Buffer.from([0xe2, 0x82]), Buffer.from([0xac])]);
    expectAtEverySplit(Buffer.concat([first!, pingFrame("€"), second!]), ordinary, [
      control(9, Buffer.from("€").toString("latin1")),
      message("€"),
    ]);
  });
});

describe("the order of frames", () => {
  const first = textFrame("a", { isFinal: false });
  const continuation = frame({ opcode: opcodes.continuation, payload: "b" });

  it.each([
    ["a continuation without a message", [continuation], [], "UNEXPECTED_CONTINUATION"],
    ["an empty continuation without a message", [frame({ opcode: 0 })], [], "UNEXPECTED_CONTINUATION"],
    [
      "a continuation without a message that is not final",
      [frame({ opcode: 0, isFinal: false })],
      [],
      "UNEXPECTED_CONTINUATION",
    ],
    [
      "a continuation after a complete message",
      [first, continuation, continuation],
      [message("ab")],
      "UNEXPECTED_CONTINUATION",
    ],
    ["text inside a message", [first, textFrame("c")], [], "EXPECTED_CONTINUATION"],
    ["binary inside a message", [first, binaryFrame(bytesOf(3))], [], "EXPECTED_CONTINUATION"],
    ["a first fragment inside a message", [first, first], [], "EXPECTED_CONTINUATION"],
    [
      "text inside an empty unfinished message",
      [textFrame("", { isFinal: false }), textFrame("")],
      [],
      "EXPECTED_CONTINUATION",
    ],
    [
      "text after a ping inside a message",
      [first, pingFrame("p"), textFrame("c")],
      [control(9, "p")],
      "EXPECTED_CONTINUATION",
    ],
    ["RSV1 without an extension", [textFrame("a", { rsv1: true })], [], "UNEXPECTED_RSV"],
  ])("rejects %s at every split", (_what, frames, before, code) => {
    const input = Buffer.concat([...frames, textFrame("behind")]);
    expectAtEverySplit(input, ordinary, [...before, failed(code, 1002)]);
  });

  it("is checked at the header, before the payload arrives", () => {
    const subject = ordinary();
    feedPieces([first, frame({ opcode: opcodes.binary, announced: 60_000_000 })], subject.receive);
    expect(subject.calls).toEqual([failed("EXPECTED_CONTINUATION", 1002)]);
  });
});

describe("invalid UTF-8", () => {
  const invalid = failed("INVALID_UTF8", 1007);

  it.each(badUtf8)("(%s) fails the message, in one frame or in fragments, at every split", (_what, bad) => {
    const bytes = Buffer.from([...Buffer.from("€"), ...bad, ...Buffer.from("tail")]);
    expectAtEverySplit(Buffer.concat([textFrame(bytes), textFrame("behind")]), ordinary, [invalid]);
    for (let at = 1; at < bytes.length; at++) {
      const pieces = fragments(opcodes.text, [bytes.subarray(0, at), bytes.subarray(at)]);
      expectAtEverySplit(Buffer.concat([...pieces, textFrame("behind")]), ordinary, [invalid]);
    }
  });

  it.each(badUtf8)("(%s) fails at the invalid byte of an incomplete frame", (_what, bad, badAt) => {
    const payload = Buffer.concat([Buffer.from("fine €"), Buffer.from(bad), Buffer.alloc(60_000, "a")]);
    const input = textFrame(payload);
    const subject = ordinary();
    const upToBad = input.length - 60_000 - bad.length + badAt;
    subject.receive(input, 0, upToBad);
    expect(subject.calls).toEqual([]);
    subject.receive(input, upToBad, upToBad + 1);
    expect(subject.calls).toEqual([invalid]);
  });

  it("fails at the invalid byte in a piece that contains many valid bytes", () => {
    const payload = Buffer.concat([Buffer.alloc(3000, "a"), Buffer.from([0xff]), Buffer.alloc(3000, "a")]);
    const subject = ordinary();
    feedPieces([textFrame(payload).subarray(0, 4000)], subject.receive);
    expect(subject.calls).toEqual([invalid]);
  });

  it.each([[[0xc3]], [[0xe2, 0x82]], [[0xf0, 0x9f, 0x98]], [[0xf4]]])(
    "includes an incomplete character at the end: %j",
    (cut) => {
      const bytes = Buffer.from([0x61, ...cut]);
      expectAtEverySplit(textFrame(bytes), ordinary, [invalid]);
      const pieces = fragments(opcodes.text, [bytes.subarray(0, 2), bytes.subarray(2), ""]);
      expectAtEverySplit(Buffer.concat(pieces), ordinary, [invalid]);
    },
  );

  it("is allowed in binary messages", () => {
    const bytes = Buffer.from([0xff, 0xc0, 0x80]);
    expectAtEverySplit(binaryFrame(bytes), ordinary, [message(bytes)]);
  });
});

describe("maxFragments", () => {
  const three = (): Subject => new Subject({ maxFragments: 3 });
  const tooMany = failed("TOO_MANY_FRAGMENTS", 1008);

  it.each([[["a", "b", "c"]], [["", "", ""]], [["a", "", "b"]]])(
    "accepts as many fragments, in each message anew: %j",
    (pieces) => {
      const bytes = Buffer.concat([
        ...fragments(opcodes.text, pieces),
        textFrame("whole"),
        ...fragments(opcodes.binary, pieces),
      ]);
      const text = pieces.join("");
      expectAtEverySplit(bytes, three, [message(text), message("whole"), message(Buffer.from(text))]);
    },
  );

  it.each([
    ["with data", ["a", "b", "c", "d"]],
    ["without data", ["", "", "", ""]],
    ["of which the last one is empty", ["a", "b", "c", ""]],
  ])("rejects one more %s, at the end of its header", (_, pieces) => {
    const frames = fragments(opcodes.binary, pieces);
    const bytes = Buffer.concat(frames);
    expectAtEverySplit(bytes, three, [tooMany]);
    const end = bytes.length - frames[3]!.length + 2;
    const subject = three();
    subject.receive(bytes, 0, end - 1);
    expect(subject.calls).toEqual([]);
    subject.receive(bytes, end - 1, end);
    expect(subject.calls).toEqual([tooMany]);
  });

  it("does not count control frames between the fragments", () => {
    const frames = fragments(opcodes.text, ["a", "b", "c"]);
    const bytes = Buffer.concat(frames.flatMap((one) => [pingFrame("1"), one, pongFrame("2")]).slice(1, -1));
    const [ping, pong] = [control(opcodes.ping, "1"), control(opcodes.pong, "2")];
    expectAtEverySplit(bytes, three, [pong, ping, pong, ping, message("abc")]);
  });

  it("counts the fragments of a compressed message", () => {
    const subject = (): Subject => new Subject({ maxFragments: 2 }, new InvertingExtension());
    const [first, second, third] = fragments(opcodes.text, ["", "", ""], { rsv1: true });
    expectAtEverySplit(Buffer.concat([first!, second!, third!]), subject, [tooMany]);
  });

  it("accepts by default a message of 4 MiB in fragments of 64 bytes, with an empty last one", () => {
    const limits = resolveLimits({});
    const subject = new Subject(limits);
    const pieces = [...Array.from({ length: 65_536 }, () => "x".repeat(64)), ""];
    feedPieces(fragments(opcodes.text, pieces), subject.receive);
    expect(subject.calls).toEqual([message("x".repeat(4 * 1024 * 1024))]);
    feedPieces([textFrame("", { isFinal: false }), Buffer.alloc(2 * limits.maxFragments)], subject.receive);
    expect(subject.calls.slice(1)).toEqual([tooMany]);
  });

  it("does not apply to whole messages, and names the option in the error", () => {
    const subject = new Subject({ maxFragments: 1 });
    feedPieces([textFrame("a"), textFrame("b"), binaryFrame(bytesOf(1))], subject.receive);
    expect(subject.calls).toHaveLength(3);
    feedPieces(fragments(opcodes.text, ["a", "b"]), subject.receive);
    expect(subject.errors[0]!.message).toBe(
      "The peer sent a message of more than 1 fragments. Raise maxFragments if such messages are expected.",
    );
  });
});

describe("limits", () => {
  const limits = { maxMessageSize: 1000, maxFrameSize: 300 };
  const small = (): Subject => new Subject(limits);
  const tooBig = failed("MESSAGE_TOO_BIG", 1009);

  it("accept frames and messages of exactly the maximum size", () => {
    const pieces = ["a".repeat(300), "b".repeat(300), "", "c".repeat(300), "d".repeat(100)];
    expectAtEverySplit(Buffer.concat(fragments(opcodes.text, pieces)), small, [message(pieces.join(""))]);
  });

  it.each([
    ["a frame", [frame({ opcode: 2, announced: 301 })]],
    ["a frame that is not final", [frame({ opcode: 2, announced: 301, isFinal: false })]],
    ["a message", [frame({ opcode: 1, announced: 1001 })]],
    ["an announced size of 2^62 bytes", [frame({ opcode: 1, announced: 2n ** 62n })]],
    [
      "the sum of fragments",
      [
        ...fragments(2, [bytesOf(300), bytesOf(300), bytesOf(300), ""]).slice(0, 3),
        frame({ opcode: 0, announced: 101, isFinal: false }),
      ],
    ],
  ])("reject %s at the last byte of the header", (_what, frames) => {
    const input = Buffer.concat(frames);
    const subject = small();
    subject.receive(input, 0, input.length - 1);
    expect(subject.calls).toEqual([]);
    subject.receive(input, input.length - 1, input.length);
    expect(subject.calls).toEqual([tooBig]);
    expectAtEverySplit(Buffer.concat([input, bytesOf(500)]), small, [tooBig]);
  });

  it("cause an error message with the sizes and the options to change", () => {
    const subject = small();
    feedPieces([frame({ opcode: 1, announced: 1001 })], subject.receive);
    expect(subject.errors[0]!.message).toBe(
      "The peer announced a message of 1001 bytes; at most 1000 are accepted. " +
        "Raise maxMessageSize (and maxFrameSize, if it is set) if messages of this size are expected.",
    );
    const other = small();
    feedPieces([frame({ opcode: 1, announced: 301 })], other.receive);
    expect(other.errors[0]!.message).toContain("a frame of 301 bytes; at most 300 are accepted");
  });

  it("do not apply to control frames", () => {
    const tight = (): Subject => new Subject({ maxMessageSize: 1, maxFrameSize: 1 });
    const input = Buffer.concat([
      textFrame("a", { isFinal: false }),
      pingFrame("12345"),
      frame({ opcode: 0 }),
    ]);
    expectAtEverySplit(input, tight, [control(9, "12345"), message("a")]);
  });

  it("apply to each message separately", () => {
    const input = Buffer.concat(
      [1, 2, 3, 4].flatMap(() => fragments(2, [bytesOf(300), bytesOf(300), bytesOf(300)])),
    );
    const expected = Array.from({ length: 4 }, () =>
      message(Buffer.concat(Array.from({ length: 3 }, () => bytesOf(300)))),
    );
    expectAtEverySplit(input, small, expected);
  });
});

describe("memory", () => {
  function allocatedBy(run: () => void): number {
    const before = process.memoryUsage().arrayBuffers;
    run();
    return process.memoryUsage().arrayBuffers - before;
  }

  it("grows with the received bytes, not with the announced size", () => {
    const subject = new Subject({ maxMessageSize: 64_000_000, maxFrameSize: 64_000_000 });
    const start = Buffer.concat([frame({ opcode: 2, announced: 60_000_000 }), bytesOf(10)]);
    expect(allocatedBy(() => subject.receive(start, 0, start.length))).toBeLessThan(4096);
    expect(subject.assembler.unfinishedSize).toBe(10);
  });

  it("for a million fragments of one byte is about their size", () => {
    const subject = new Subject({ maxMessageSize: 2_000_000, maxFragments: 2_000_000 });
    const count = 1_000_000;
    const start = textFrame("a", { isFinal: false });
    const piece = Buffer.concat(
      Array.from({ length: 1000 }, () => frame({ opcode: 0, payload: "b", isFinal: false })),
    );
    subject.receive(start, 0, start.length);
    const allocated = allocatedBy(() => {
      for (let at = 0; at < count / 1000; at++) subject.receive(piece, 0, piece.length);
    });
    expect(subject.assembler.unfinishedSize).toBe(count + 1);
    expect(allocated).toBeLessThan(count + 128 * 1024);
    const end = frame({ opcode: 0, payload: "c" });
    subject.receive(end, 0, end.length);
    expect(subject.calls).toHaveLength(1);
    expect(subject.calls[0]![1] === `a${"b".repeat(count)}c`).toBe(true);
  });
});

describe("discard", () => {
  it("releases the buffered bytes of messages and control frames", () => {
    const { assembler, receive } = ordinary();
    feedPieces([textFrame("abc", { isFinal: false }), pingFrame("12345").subarray(0, 4)], receive);
    expect(assembler.unfinishedSize).toBe(5);
    assembler.discard();
    expect(assembler.unfinishedSize).toBe(0);
  });
});

describe("MessageAssembler with an extension", () => {
  const rsv1 = { rsv1: true };

  it("decodes messages with RSV1, in one frame or in fragments, at every split", () => {
    const input = Buffer.concat([
      textFrame(inverted("text €"), rsv1),
      textFrame("plain"),
      binaryFrame(inverted(bytesOf(300)), rsv1),
      ...fragments(opcodes.text, [inverted("in "), "", inverted("fragments")], rsv1),
      ...fragments(opcodes.binary, ["", inverted("empty first")], rsv1),
      textFrame("", rsv1),
    ]);
    expectAtEverySplit(input, extended, [
      message("text €"),
      message("plain"),
      message(bytesOf(300)),
      message("in fragments"),
      message(Buffer.from("empty first")),
      message(""),
    ]);
  });

  it("requests memory of their own for binary messages only, and passes the size limit", () => {
    const extension = new InvertingExtension();
    const subject = new Subject(wide, extension);
    feedPieces([textFrame(inverted("a"), rsv1), binaryFrame(inverted("a"), rsv1)], subject.receive);
    expect(extension.decoded).toEqual([
      { maxSize: 1_000_000, isKept: false },
      { maxSize: 1_000_000, isKept: true },
    ]);
  });

  it("validates the UTF-8 of the decoded text, not of the encoded one", () => {
    const bad = textFrame(inverted(Buffer.from([0xc0, 0x80])), rsv1);
    expectAtEverySplit(bad, extended, [failed("INVALID_UTF8", 1007)]);
    const pieces = fragments(
      opcodes.text,
      [inverted(Buffer.from([0xe2])), inverted(Buffer.from([0x82]))],
      rsv1,
    );
    expectAtEverySplit(Buffer.concat(pieces), extended, [failed("INVALID_UTF8", 1007)]);
  });

  it("reports the errors of the extension", () => {
    const input = Buffer.concat([textFrame(Buffer.from([0xee, 1]), rsv1), textFrame("behind")]);
    expectAtEverySplit(input, extended, [failed("CORRUPT", 1007)]);
  });

  it.each([
    [
      "a continuation",
      fragments(opcodes.text, ["a", "b"]).map((bytes, index) => withRsv1(bytes, index === 1)),
    ],
    [
      "a continuation of a compressed message",
      fragments(opcodes.text, ["a", "b"]).map((bytes) => withRsv1(bytes, true)),
    ],
    ["a ping", [pingFrame("", rsv1)]],
  ])("rejects RSV1 on %s", (_what, frames) => {
    expectAtEverySplit(Buffer.concat(frames), extended, [failed("UNEXPECTED_RSV", 1002)]);
  });

  function withRsv1(bytes: Buffer, isSet: boolean): Buffer {
    if (isSet) bytes[0]! |= 0x40;
    return bytes;
  }

  describe("limits", () => {
    const limits = { maxMessageSize: 100, maxFrameSize: 60 };
    const small = (): Subject => new Subject(limits, new InvertingExtension());
    const tooBig = failed("MESSAGE_TOO_BIG", 1009);

    it("allow some overhead for encoded bytes, and apply to the size of the decoded message", () => {
      const frames = fragments(
        opcodes.text,
        [inverted("a".repeat(60 + invertingOverhead)), inverted("b".repeat(30))],
        rsv1,
      );
      expectAtEverySplit(Buffer.concat(frames), small, [message("a".repeat(70) + "b".repeat(30))]);
      const larger = fragments(opcodes.text, [inverted("a".repeat(60)), inverted("b".repeat(41))], rsv1);
      expectAtEverySplit(Buffer.concat(larger), small, [tooBig]);
    });

    it("allow the same overhead for each fragment of a compressed message", () => {
      for (const sizes of [
        [10, 60 + invertingOverhead],
        [60, 40 + invertingOverhead],
      ]) {
        const extension = new InvertingExtension();
        const subject = new Subject(limits, extension);
        feedPieces(fragments(opcodes.binary, sizes.map(bytesOf), rsv1), subject.receive);
        expect(extension.decoded).toEqual([{ maxSize: 100, isKept: true }]);
      }
    });

    it("cause an error message that names the size as the size on the wire", () => {
      const advice =
        "Raise maxMessageSize (and maxFrameSize, if it is set) if messages of this size are expected.";
      const subject = new Subject(wide, new InvertingExtension());
      feedPieces([frame({ opcode: 1, announced: 1_000_011, ...rsv1 })], subject.receive);
      expect(subject.errors[0]!.message).toBe(
        "The peer announced a compressed message that takes 1000011 bytes on the wire; " +
          `at most 1000010 are accepted on the wire, which is the bound for maxMessageSize (1000000). ${advice}`,
      );
      const other = small();
      feedPieces([frame({ opcode: 1, announced: 71, ...rsv1 })], other.receive);
      expect(other.errors[0]!.message).toBe(
        "The peer announced a compressed frame that takes 71 bytes on the wire; " +
          `at most 70 are accepted on the wire, which is the bound for maxFrameSize (60). ${advice}`,
      );
    });

    it.each([
      ["a frame", [frame({ opcode: 1, announced: 60 + invertingOverhead + 1, ...rsv1 })]],
      ["a message", [frame({ opcode: 1, announced: 100 + invertingOverhead + 1, ...rsv1 })]],
      [
        "the sum of fragments",
        [
          frame({ opcode: 1, payload: bytesOf(60), isFinal: false, ...rsv1 }),
          frame({ opcode: 0, announced: 40 + invertingOverhead + 1 }),
        ],
      ],
      ["an uncompressed frame, as without an extension", [frame({ opcode: 1, announced: 61 })]],
    ])("reject %s at the header", (_what, frames) => {
      const extension = new InvertingExtension();
      const subject = new Subject(limits, extension);
      feedPieces(frames, subject.receive);
      expect(subject.calls).toEqual([tooBig]);
      expect(extension.decoded).toEqual([]);
    });
  });
});

describe("the progress of an unfinished message", () => {
  it("is shown from its first header to its last byte", () => {
    const { assembler, receive } = ordinary();
    const status = (): unknown => [assembler.isInsideMessage, assembler.unfinishedSize, assembler.beganCount];
    const [first, second] = fragments(opcodes.text, ["abc", "de"]);
    expect(status()).toEqual([false, 0, 0]);
    receive(first!, 0, 2);
    expect(status()).toEqual([true, 0, 1]);
    receive(first!, 2, 5);
    expect(status()).toEqual([true, 3, 1]);
    const ping = pingFrame("1234");
    receive(ping, 0, 4);
    expect(status()).toEqual([true, 5, 1]);
    receive(ping, 4, 6);
    expect(status()).toEqual([true, 3, 1]);
    receive(second!, 0, 3);
    expect(status()).toEqual([true, 4, 1]);
    receive(second!, 3, 4);
    expect(status()).toEqual([false, 0, 1]);
    const next = textFrame("next");
    receive(next, 0, next.length);
    expect(status()).toEqual([false, 0, 2]);
  });
});
