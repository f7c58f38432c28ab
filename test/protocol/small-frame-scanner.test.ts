import { beforeEach, describe, expect, it } from "vitest";
import { payloadSizeAt, SmallFrameScanner } from "../../protocol/small-frame-scanner.js";
import { binaryFrame, pingFrame, textFrame } from "../support/wire.js";

let scanner: SmallFrameScanner;

beforeEach(() => (scanner = new SmallFrameScanner()));

function find(bytes: Buffer, start = 0, maxPayloadSize = 8192): number | undefined {
  return scanner.find(bytes, start, bytes.length, maxPayloadSize) ? scanner.end - start : undefined;
}

const many = (count: number, size: number): Buffer =>
  Buffer.concat(Array<Buffer>(count).fill(binaryFrame(Buffer.alloc(size))));

describe("a batch", () => {
  it("has at most 8 KiB, because a kept message keeps all of it alive", () => {
    expect(find(many(1000, 50))).toBe(157 * 52);
  });

  it("is short after one that was not consumed completely, and grows again", () => {
    const bytes = many(1000, 50);
    const whole = find(bytes)!;
    scanner.endBatch(52);
    const sizes: number[] = [];
    for (let at = 52; sizes.at(-1) !== whole; at = scanner.end) {
      sizes.push(find(bytes, at)!);
      scanner.endBatch(scanner.end);
    }
    expect(sizes[0]).toBeLessThan(300);
    expect(sizes.length).toBeLessThan(8);
  });

  it("grows after a short limit into which two messages do not fit", () => {
    const bytes = many(20, 1000);
    find(bytes);
    scanner.endBatch(0);
    const found = Array.from({ length: 4 }, () => find(bytes));
    expect(found).toEqual([undefined, undefined, undefined, 2 * 1004]);
  });

  it("has at least two complete messages of the same kind", () => {
    const [text, binary] = [textFrame("abc"), binaryFrame(Buffer.from("abc"))];
    expect(find(Buffer.concat([binary]))).toBeUndefined();
    expect(find(Buffer.concat([binary, text, binary]))).toBeUndefined();
    expect(find(Buffer.concat([binary, binary.subarray(0, 4)]))).toBeUndefined();
    expect(find(Buffer.concat([binary, binary, text]))).toBe(10);
    expect(find(Buffer.concat([text, text, pingFrame("p")]))).toBe(10);
  });

  it("ends before a payload that is larger than the given maximum", () => {
    const bytes = Buffer.concat([many(3, 200), many(1, 201), many(3, 200)]);
    expect(find(bytes, 0, 200)).toBe(3 * 204);
  });

  it.each([
    [125, 3],
    [127, 3],
    [128, 6],
    [256, 3],
    [1023, 6],
  ])("counts the bytes above 0x7f in its headers: three messages of %i bytes", (size, count) => {
    find(many(3, size));
    expect(scanner.nonAsciiCount).toBe(count);
  });
});

it.each([
  [Buffer.of(0x82, 0), 0],
  [Buffer.of(0x82, 125), 125],
  [Buffer.of(0x82, 126, 0, 126), 126],
  [Buffer.of(0x82, 126, 0x20, 0), 8192],
  [Buffer.of(0x82, 126, 0x20, 1), -1],
  [Buffer.of(0x82, 126, 0, 125), -1],
  [Buffer.of(0x82, 127, 0, 0), -1],
  [Buffer.of(0x82, 0x80, 0, 0), -1],
])("payloadSizeAt returns for %o the size %i", (header, size) => {
  expect(payloadSizeAt(header, 0)).toBe(size);
});
