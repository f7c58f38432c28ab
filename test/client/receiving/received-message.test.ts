import { describe, expect, it } from "vitest";
import {
  decoded,
  detachedCopy,
  detachedMessage,
  memoryOf,
  undecoded,
} from "../../../src/client/receiving/received-message.js";

/** Messages up to this size, in bytes or characters, are copied. */
const maxCopiedSize = 1024;

/** Returns a view of a larger buffer, as a received message is. */
function viewOf(size: number): Buffer {
  return Buffer.alloc(size + 100, "x").subarray(50, 50 + size);
}

describe("a new message", () => {
  it("is not decoded, has no key and was delivered to no listener", () => {
    expect(undecoded("text", 4, 7)).toEqual({
      ...{ value: undefined, isDecoded: false, data: "text", size: 4, at: 7 },
      ...{ key: undefined, deliveredToId: 0 },
    });
  });

  it("can be decoded already", () => {
    expect(decoded(5, "5", 1, 7)).toEqual({
      ...{ value: 5, isDecoded: true, data: "5", size: 1, at: 7 },
      ...{ key: undefined, deliveredToId: 0 },
    });
  });
});

describe("detachedCopy()", () => {
  it.each([0, 1, maxCopiedSize - 1, maxCopiedSize, maxCopiedSize + 1])(
    "returns the same text for %i characters",
    (length) => {
      const text = "é".repeat(length);
      expect(detachedCopy(text)).toBe(text);
    },
  );

  it("returns bytes without a copy", () => {
    const bytes = viewOf(10);
    expect(detachedCopy(bytes)).toBe(bytes);
  });
});

describe("detachedMessage()", () => {
  it.each([0, 1, maxCopiedSize - 1, maxCopiedSize])("copies %i bytes into memory of their own", (size) => {
    const data = viewOf(size);
    const { data: copy } = detachedMessage("value", data, size, 7);
    expect(copy).not.toBe(data);
    expect(copy).toEqual(data);
    expect((copy as Buffer).buffer.byteLength).toBe(size);
    expect((copy as Buffer).buffer).not.toBe(data.buffer);
  });

  it("does not copy larger messages", () => {
    const data = viewOf(maxCopiedSize + 1);
    expect(detachedMessage("value", data, data.length, 7).data).toBe(data);
  });

  it("uses the copy as the value if the value is the message itself", () => {
    const data = viewOf(10);
    const message = detachedMessage(data, data, 10, 7);
    expect(message.value).toBe(message.data);
    expect(message.value).not.toBe(data);
  });

  it("keeps a value that only has the same content as the message", () => {
    const data = viewOf(10);
    const value = Buffer.from(data);
    const message = detachedMessage(value, data, 10, 7);
    expect(message.value).toBe(value);
    expect(message.data).not.toBe(value);
  });

  it.each([10, maxCopiedSize + 1])("is decoded, and keeps its size and time: %i bytes", (size) => {
    expect(detachedMessage("value", viewOf(size), size, 7)).toMatchObject({
      ...{ value: "value", isDecoded: true, size, at: 7, key: undefined, deliveredToId: 0 },
    });
  });
});

describe("memoryOf()", () => {
  it("is 0 for a value of onReplay, which has no data", () => {
    expect(memoryOf(decoded("x".repeat(100), undefined, 100, 7))).toBe(0);
  });

  it.each([
    ["an empty text", "", 0],
    ["an ASCII text", "abcd", 4],
    // V8 stores each with two bytes per character: 2 x 2, 2 x 1 and 2 x 5 bytes.
    ["a text of characters with two bytes each", "éé", 4],
    ["a text of one character with three bytes", "€", 3],
    ["a text whose string is larger than its UTF-8", "abcdé", 10],
    ["a text of surrogate pairs", "😀😀", 8],
    ["bytes", Buffer.alloc(5), 5],
  ])("is the larger of the bytes and the string: %s", (_, data, memory) => {
    const size = typeof data === "string" ? Buffer.byteLength(data) : data.length;
    expect(memoryOf(decoded(data, data, size, 7))).toBe(memory);
  });

  it("counts the size after decompression, not the length of the data", () => {
    expect(memoryOf(decoded("abcd", "abcd", 4, 7))).toBe(4);
    const bytes = Buffer.alloc(3);
    expect(memoryOf(decoded(bytes, bytes, 30, 7))).toBe(30);
  });

  it("counts twice if the value is not the message itself", () => {
    expect(memoryOf(decoded({ a: 1 }, "abcd", 4, 7))).toBe(8);
    expect(memoryOf(decoded(5, "abcdé", 6, 7))).toBe(20);
    expect(memoryOf(decoded(Buffer.from("ab"), Buffer.from("ab"), 2, 7))).toBe(4);
  });

  it("counts twice before the message is decoded", () => {
    expect(memoryOf(undecoded("abcd", 4, 7))).toBe(8);
  });
});
