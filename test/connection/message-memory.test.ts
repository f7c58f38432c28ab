import { describe, expect, it } from "vitest";
import {
  freeOverhead,
  overheadOf,
  ownCopyOf,
  ownedMessageOverhead,
} from "../../src/connection/message-memory.js";
import { PendingMessage } from "../../src/connection/pending-message.js";
import type { WaitOptions } from "../../src/runtime/wait.js";

function overheadOfText(text: string, options?: WaitOptions): number {
  return overheadOf(text, Buffer.byteLength(text), options);
}

const oneMessage = 1024;

describe("overheadOf()", () => {
  it.each([0, 1, 100_000])("is 1 KiB for an ASCII text of %i characters", (length) => {
    expect(overheadOfText("x".repeat(length))).toBe(oneMessage);
  });

  it.each([
    // One character outside ASCII is enough: 101 characters, 202 bytes in memory, 102 bytes in UTF-8.
    ["é among ASCII characters", `${"x".repeat(100)}é`, 202 - 102],
    ["two bytes per character", "é".repeat(100), 0],
    ["three bytes per character", "€".repeat(100), 0],
    ["surrogate pairs", "😀".repeat(100), 0],
  ])("adds the bytes by which the string exceeds its UTF-8: %s", (_, text, added) => {
    expect(overheadOfText(text)).toBe(oneMessage + added);
  });

  it.each([
    ["a Uint8Array", new Uint8Array(10)],
    ["a Buffer", Buffer.alloc(10)],
    ["a pending message", new PendingMessage(new Blob([]), 10, () => Promise.resolve(""))],
  ])("adds 1 KiB for a copy of %s", (_, data) => {
    expect(overheadOf(data, 10, undefined)).toBe(oneMessage + 1024);
    expect(overheadOf(data, 0, undefined)).toBe(oneMessage + 1024);
  });

  it.each([
    ["a timeout", { timeout: 5 }],
    ["the timeout 0", { timeout: 0 }],
    ["a signal", { signal: new AbortController().signal }],
  ])("adds 1 KiB for %s", (_, options) => {
    expect(overheadOfText("text", options)).toBe(oneMessage + 1024);
    expect(overheadOf(Buffer.alloc(4), 4, options)).toBe(oneMessage + 1024 + 1024);
  });

  it("adds 1 KiB only once for a timeout with a signal", () => {
    expect(overheadOfText("text", { timeout: 5, signal: new AbortController().signal })).toBe(
      oneMessage + 1024,
    );
  });

  it.each([{}, { timeout: undefined, signal: undefined }])("adds nothing for the options %o", (options) => {
    expect(overheadOfText("text", options)).toBe(oneMessage);
  });
});

describe("the constants", () => {
  it("leave 1 MiB of overhead uncounted, and count 512 bytes for a token", () => {
    expect([freeOverhead, ownedMessageOverhead]).toEqual([1_048_576, 512]);
  });
});

describe("ownCopyOf()", () => {
  it.each([0, 1, 100, 8_192])("copies %i bytes into memory of exactly this size", (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, index) => index);
    const copy = ownCopyOf(bytes);
    expect(copy).toBeInstanceOf(Buffer);
    expect(copy.equals(bytes)).toBe(true);
    expect([copy.byteOffset, copy.buffer.byteLength]).toEqual([0, size]);
  });

  it("copies only the viewed part of a larger buffer", () => {
    const whole = Buffer.from("before-view-after");
    const copy = ownCopyOf(whole.subarray(7, 11));
    expect([copy.toString(), copy.buffer.byteLength]).toEqual(["view", 4]);
  });

  it("is not affected by later changes of the original", () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const copy = ownCopyOf(bytes);
    bytes.fill(9);
    expect([...copy]).toEqual([1, 2, 3]);
  });
});
