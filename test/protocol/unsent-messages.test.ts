import { describe, expect, it } from "vitest";
import type { Role } from "../../protocol/constants.js";
import { SegmentChain } from "../../protocol/segment-chain.js";
import { readUnsentFrames } from "../../protocol/unsent-messages.js";
import { testResources } from "../support/protocol-end.js";
import {
  binaryFrame,
  closeFrame,
  closePayload,
  frame,
  pingFrame,
  pongFrame,
  textFrame,
} from "../support/wire.js";

/** Creates a chain of frames written by the test. Each segment specifies the offset of its first frame. */
function chainOf(
  ...segments: { readonly bytes: Buffer; readonly start?: number; readonly firstFrame?: number }[]
): SegmentChain {
  const chain = new SegmentChain(testResources().segments);
  for (const { bytes, start = 0, firstFrame = 0 } of segments) {
    const segment = chain.addSegment();
    segment.bytes.set(bytes);
    segment.start = start;
    segment.end = bytes.length;
    segment.firstFrame = firstFrame;
  }
  return chain;
}

function messagesOf(
  chain: SegmentChain,
  role: Role,
  originals: readonly (string | Buffer)[],
): (string | Buffer)[] {
  return readUnsentFrames(chain, role, originals).messages;
}

describe.each([
  ["client", true],
  ["server", false],
] as const)("readUnsentFrames of a %s", (role, mask) => {
  it("returns nothing for an empty chain", () => {
    expect(messagesOf(chainOf(), role, [])).toEqual([]);
  });

  it("returns texts and binary messages in order, without the control frames", () => {
    const frames = [
      ...[
        textFrame("é", { mask }),
        pingFrame("ping", { mask }),
        binaryFrame(Buffer.from([1, 0xff]), { mask }),
      ],
      ...[textFrame("", { mask }), pingFrame("", { mask }), binaryFrame(Buffer.alloc(0), { mask })],
      closeFrame(1000, "bye", { mask }),
    ];
    const chain = chainOf({ bytes: Buffer.concat(frames) });
    expect(messagesOf(chain, role, [])).toEqual(["é", Buffer.from([1, 0xff]), "", Buffer.alloc(0)]);
    expect(chain.isEmpty).toBe(true);
  });

  it("returns the originals of compressed messages", () => {
    const compressed = { rsv1: true, mask };
    const frames = [
      textFrame("?", compressed),
      textFrame("plain", { mask }),
      binaryFrame(Buffer.from("?"), compressed),
    ];
    const originals = ["first", Buffer.from("second")];
    expect(messagesOf(chainOf({ bytes: Buffer.concat(frames) }), role, originals)).toEqual([
      "first",
      "plain",
      Buffer.from("second"),
    ]);
  });

  it("ignores the end of a frame whose beginning was sent", () => {
    const tail = Buffer.from("the end of something");
    const bytes = Buffer.concat([tail, textFrame("whole", { mask })]);
    const whole = { bytes, firstFrame: tail.length };
    expect(messagesOf(chainOf(whole), role, [])).toEqual(["whole"]);
    expect(messagesOf(chainOf({ bytes: tail, firstFrame: -1 }, whole), role, [])).toEqual(["whole"]);
    expect(messagesOf(chainOf({ ...whole, start: tail.length }), role, [])).toEqual(["whole"]);
    expect(messagesOf(chainOf({ bytes: tail, firstFrame: -1 }), role, [])).toEqual([]);
  });

  it("parses a frame across several segments", () => {
    const large = Buffer.alloc(150_000, "abc");
    const bytes = Buffer.concat([binaryFrame(large, { mask }), textFrame("behind", { mask })]);
    const messages = messagesOf(
      chainOf(
        { bytes: bytes.subarray(0, 65536) },
        { bytes: bytes.subarray(65536, 131072), firstFrame: -1 },
        { bytes: bytes.subarray(131072), firstFrame: bytes.length - 131072 - (mask ? 12 : 8) },
      ),
      role,
      [],
    );
    expect(messages).toHaveLength(2);
    expect(large.equals(messages[0] as Buffer)).toBe(true);
    expect(messages[1]).toBe("behind");
  });

  it("also returns the control frames in order", () => {
    const frames = [
      ...[pingFrame("1", { mask }), textFrame("a", { mask }), pongFrame("", { mask })],
      closeFrame(1000, "bye", { mask }),
    ];
    const { controls } = readUnsentFrames(chainOf({ bytes: Buffer.concat(frames) }), role, []);
    expect(controls).toEqual([
      { first: 0x89, payload: Buffer.from("1") },
      { first: 0x8a, payload: Buffer.alloc(0) },
      { first: 0x88, payload: closePayload(1000, "bye") },
    ]);
  });

  it("returns the rest of a partly sent frame in separate segments", () => {
    const tail = Buffer.from("the end of something");
    const bytes = Buffer.concat([tail, textFrame("whole", { mask })]);
    const chain = chainOf(
      { bytes: tail, firstFrame: -1 },
      { bytes, firstFrame: tail.length },
      { bytes: textFrame("b", { mask }) },
    );
    const { messages, partialFrame } = readUnsentFrames(chain, role, []);
    expect(messages).toEqual(["whole", "b"]);
    expect(
      partialFrame.map(({ bytes: memory, start, end }) => memory.toString("latin1", start, end)),
    ).toEqual([tail.toString(), tail.toString()]);
    expect(
      partialFrame.map(({ firstFrame, messageCount, compressedCount }) => [
        firstFrame,
        messageCount,
        compressedCount,
      ]),
    ).toEqual([
      [-1, 0, 0],
      [-1, 1, 0],
    ]);
    const begun = chainOf({ bytes, start: tail.length, firstFrame: tail.length });
    expect(readUnsentFrames(begun, role, []).partialFrame).toEqual([]);
  });

  it("throws on an invalid frame", () => {
    expect(() => readUnsentFrames(chainOf({ bytes: frame({ opcode: 3, mask }) }), role, [])).toThrow(
      "reserved opcode",
    );
  });
});
