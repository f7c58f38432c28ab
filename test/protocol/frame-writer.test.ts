import { describe, expect, it } from "vitest";
import type { Role } from "../../protocol/constants.js";
import type { FrameWriter } from "../../protocol/frame-writer.js";
import { SegmentChain } from "../../protocol/segment-chain.js";
import { segmentSize } from "../../protocol/segment-pool.js";
import { testResources } from "../support/protocol-end.js";
import { boundaryLengths, frame, readFrames } from "../support/wire.js";

/** Sizes at which a payload starts to need a second and a third segment, and some larger ones. */
const segmentLengths = [65521, 65522, 65523, 131057, 131058, 131059, 200_000];

interface Subject {
  readonly writer: FrameWriter;
  readonly chain: SegmentChain;
}

function subjectOf(role: Role): Subject {
  const resources = testResources();
  return { writer: resources.writerFor(role), chain: new SegmentChain(resources.segments) };
}

/** Returns the bytes of each segment in order. */
function piecesOf(chain: SegmentChain): Buffer[] {
  const pieces: Buffer[] = [];
  for (let segment = chain.shift(); segment !== undefined; segment = chain.shift()) {
    pieces.push(segment.bytes.subarray(segment.start, segment.end));
  }
  return pieces;
}

function bytesOf(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 7 + (index >>> 8)) & 255));
}

describe.each(["client", "server"] as const)("FrameWriter of a %s", (role) => {
  const isMasked = role === "client";

  it.each([...boundaryLengths, ...segmentLengths])("writes %d bytes as one frame", (size) => {
    const payload = bytesOf(size);
    const { writer, chain } = subjectOf(role);
    const segment = writer.writeBytes(chain, 0xc2, payload);
    expect(segment).toBe(chain.first);
    const pieces = piecesOf(chain);
    const [read, ...others] = readFrames(Buffer.concat(pieces));
    expect(others).toEqual([]);
    expect(read).toMatchObject({ opcode: 2, isFinal: true, rsv1: true, isMasked });
    expect(read!.payload.equals(payload)).toBe(true);
    expect(Buffer.concat(pieces)).toHaveLength(writer.frameSize(size));
    expect(pieces.every((piece) => piece.length <= segmentSize)).toBe(true);
    expect(pieces.slice(0, -1).every((piece) => piece.length === segmentSize)).toBe(true);
  });

  it.each([...boundaryLengths, ...segmentLengths])("writes text of %d bytes as one frame", (size) => {
    const text = "€".repeat(size / 3) + "a".repeat(size % 3);
    const { writer, chain } = subjectOf(role);
    expect(writer.writeText(chain, text)).toBe(writer.frameSize(size));
    const [read] = readFrames(Buffer.concat(piecesOf(chain)));
    expect(read).toMatchObject({ opcode: 1, isFinal: true, rsv1: false, isMasked });
    expect(read!.payload.toString() === text).toBe(true);
  });

  it("writes the exact bytes of RFC 6455 5.7", () => {
    const { writer, chain } = subjectOf(role);
    writer.writeText(chain, "Hello");
    const written = Buffer.concat(piecesOf(chain));
    const key = [...written.subarray(2, 6)];
    expect(written).toEqual(frame({ opcode: 1, payload: "Hello", mask: isMasked && key }));
  });

  it("fills a segment to its last byte with several frames", () => {
    const { writer, chain } = subjectOf(role);
    const headerSize = isMasked ? 8 : 4;
    writer.writeBytes(chain, 0x82, bytesOf(segmentSize - 2 * headerSize - 200));
    writer.writeBytes(chain, 0x82, bytesOf(200));
    expect(chain.length).toBe(1);
    expect(chain.first!.freeSize).toBe(0);
    writer.writeText(chain, "");
    expect(chain.length).toBe(2);
    expect(readFrames(Buffer.concat(piecesOf(chain))).map(({ payload }) => payload.length)).toEqual([
      segmentSize - 2 * headerSize - 200,
      200,
      0,
    ]);
  });

  it("uses the last bytes of a segment for an empty frame", () => {
    for (const write of ["text", "bytes"]) {
      const { writer, chain } = subjectOf(role);
      const emptySize = isMasked ? 6 : 2;
      writer.writeBytes(chain, 0x82, bytesOf(segmentSize - (isMasked ? 8 : 4) - emptySize));
      if (write === "text") writer.writeText(chain, "");
      else writer.writeBytes(chain, 0x82, bytesOf(0));
      expect([chain.length, chain.first!.freeSize]).toEqual([1, 0]);
      expect(readFrames(Buffer.concat(piecesOf(chain)))).toHaveLength(2);
    }
  });

  it("does not split a small frame across segments", () => {
    const { writer, chain } = subjectOf(role);
    writer.writeBytes(chain, 0x82, bytesOf(segmentSize - 20));
    writer.writeText(chain, "x".repeat(100));
    const pieces = piecesOf(chain);
    expect(pieces.map((piece) => readFrames(piece).length)).toEqual([1, 1]);
  });

  it("starts a large frame in the free space of a segment if at least the header fits", () => {
    const headerSize = isMasked ? 14 : 10;
    for (const left of [headerSize - 1, headerSize, headerSize + 1, 100]) {
      const { writer, chain } = subjectOf(role);
      const firstSize = segmentSize - left - (isMasked ? 8 : 4);
      writer.writeBytes(chain, 0x82, bytesOf(firstSize));
      const segment = writer.writeBytes(chain, 0x82, bytesOf(150_000));
      expect(segment === chain.first).toBe(left >= headerSize);
      const pieces = piecesOf(chain);
      expect(pieces[0]).toHaveLength(left >= headerSize ? segmentSize : segmentSize - left);
      const read = readFrames(Buffer.concat(pieces));
      expect(read.map(({ payload }) => payload.length)).toEqual([firstSize, 150_000]);
      expect(read[1]!.payload.equals(bytesOf(150_000))).toBe(true);
    }
  });

  it.each(["a\ud800", "\udc00b", "\ude00\ud83d", "\ud83d".repeat(70_000), "é".repeat(30) + "\udfff"])(
    "writes U+FFFD for each lone surrogate (%#)",
    (text) => {
      const { writer, chain } = subjectOf(role);
      writer.writeText(chain, text);
      const [read] = readFrames(Buffer.concat(piecesOf(chain)));
      expect(read!.payload.toString() === text.replace(/\p{Surrogate}/gu, "\ufffd")).toBe(true);
    },
  );

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 20, 130, 300])("writes text into a segment with %d free bytes", (left) => {
    for (const character of ["a", "é", "€", "👍"]) {
      for (const count of [1, 2, 60, 125, 126]) {
        const { writer, chain } = subjectOf(role);
        writer.writeBytes(chain, 0x82, bytesOf(segmentSize - (isMasked ? 8 : 4) - left));
        const text = character.repeat(count);
        expect(writer.writeText(chain, text)).toBe(writer.frameSize(Buffer.byteLength(text)));
        const read = readFrames(Buffer.concat(piecesOf(chain)));
        expect(read.map(({ opcode }) => opcode)).toEqual([2, 1]);
        expect(read[1]!.payload.toString()).toBe(text);
      }
    }
  });

  it("writes text with characters of 1 to 4 bytes, from one-byte and two-byte strings", () => {
    const { writer, chain } = subjectOf(role);
    const texts = ["ascii", "é", "ÿ".repeat(300), "€uro", "👍🏽", "\u0000", "a".repeat(40_000) + "é"];
    for (const text of texts) writer.writeText(chain, text);
    expect(readFrames(Buffer.concat(piecesOf(chain))).map(({ payload }) => payload.toString())).toEqual(
      texts,
    );
  });
});

it("each frame is masked with a different key", () => {
  const { writer, chain } = subjectOf("client");
  for (let count = 0; count < 50; count++) writer.writeBytes(chain, 0x82, new Uint8Array(4));
  const bytes = Buffer.concat(piecesOf(chain));
  const keys = Array.from({ length: 50 }, (_, index) => bytes.readUInt32BE(index * 10 + 2));
  expect(new Set(keys).size).toBe(50);
  // RFC 6455 5.3: masking zeros results in the key itself.
  expect(keys).toEqual(keys.map((_, index) => bytes.readUInt32BE(index * 10 + 6)));
});

it("writeBytes accepts any view of memory and does not change it", () => {
  const { writer, chain } = subjectOf("client");
  const memory = bytesOf(200_000);
  const before = Buffer.from(memory);
  writer.writeBytes(chain, 0x82, new Uint8Array(memory.buffer, memory.byteOffset + 3, 150_001));
  writer.writeBytes(chain, 0x82, memory.subarray(5, 45));
  expect(memory.equals(before)).toBe(true);
  const read = readFrames(Buffer.concat(piecesOf(chain)));
  expect(read[0]!.payload.equals(before.subarray(3, 150_004))).toBe(true);
  expect(read[1]!.payload.equals(before.subarray(5, 45))).toBe(true);
});
