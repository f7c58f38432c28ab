import { describe, expect, it } from "vitest";
import { SegmentChain } from "../../protocol/segment-chain.js";
import { readUnsentMessages } from "../../protocol/unsent-messages.js";
import { testResources } from "../support/protocol-end.js";
import { binaryFrame, closeFrame, frame, pingFrame, textFrame } from "../support/wire.js";

/** A chain of frames that were written by hand, each segment with where its first frame begins. */
function chainOf(
  ...segments: { readonly bytes: Buffer; readonly start?: number; readonly firstFrame?: number }[]
): SegmentChain {
  const chain = new SegmentChain(testResources().segments);
  for (const { bytes, start = 0, firstFrame = 0 } of segments) {
    const segment = chain.continueFrame();
    segment.bytes.set(bytes);
    segment.start = start;
    segment.end = bytes.length;
    segment.firstFrame = firstFrame;
  }
  return chain;
}

describe.each([
  ["client", true],
  ["server", false],
] as const)("readUnsentMessages of a %s", (role, mask) => {
  it("gives nothing where nothing waits", () => {
    expect(readUnsentMessages(chainOf(), role, [])).toEqual([]);
  });

  it("gives texts and binaries in order, and passes over control frames", () => {
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
    expect(readUnsentMessages(chain, role, [])).toEqual(["é", Buffer.from([1, 0xff]), "", Buffer.alloc(0)]);
    expect(chain.isEmpty).toBe(true);
  });

  it("takes the compressed ones from their originals", () => {
    const compressed = { rsv1: true, mask };
    const frames = [
      textFrame("?", compressed),
      textFrame("plain", { mask }),
      binaryFrame(Buffer.from("?"), compressed),
    ];
    const originals = ["first", Buffer.from("second")];
    expect(readUnsentMessages(chainOf({ bytes: Buffer.concat(frames) }), role, originals)).toEqual([
      "first",
      "plain",
      Buffer.from("second"),
    ]);
  });

  it("passes over the end of a frame whose beginning has left", () => {
    const tail = Buffer.from("the end of something");
    const bytes = Buffer.concat([tail, textFrame("whole", { mask })]);
    const whole = { bytes, firstFrame: tail.length };
    expect(readUnsentMessages(chainOf(whole), role, [])).toEqual(["whole"]);
    expect(readUnsentMessages(chainOf({ bytes: tail, firstFrame: -1 }, whole), role, [])).toEqual(["whole"]);
    expect(readUnsentMessages(chainOf({ ...whole, start: tail.length }), role, [])).toEqual(["whole"]);
    expect(readUnsentMessages(chainOf({ bytes: tail, firstFrame: -1 }), role, [])).toEqual([]);
  });

  it("reads a frame over several segments", () => {
    const large = Buffer.alloc(150_000, "abc");
    const bytes = Buffer.concat([binaryFrame(large, { mask }), textFrame("behind", { mask })]);
    const messages = readUnsentMessages(
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

  it("throws on frames that it can't read, which are none of ours", () => {
    expect(() => readUnsentMessages(chainOf({ bytes: frame({ opcode: 3, mask }) }), role, [])).toThrow(
      "reserved opcode",
    );
  });
});
