import { describe, expect, it } from "vitest";
import { OutboxEntry } from "../../../src/buffer/outbox-entry.js";
import { entryOf, isMessage, ownPing, sourceOf } from "../../../src/client/sending/outbox-message.js";
import { overheadOf } from "../../../src/connection/message-memory.js";
import { PendingMessage } from "../../../src/connection/pending-message.js";

const blob = new Blob(["content"]);
const pending = new PendingMessage(blob, 7, () => Promise.resolve("content"));

describe("entryOf()", () => {
  it.each([
    ["an ASCII text", "abc", 3],
    ["an empty text", "", 0],
    ["a text with characters of several bytes", "é€😀", 2 + 3 + 4],
    ["a Buffer", Buffer.alloc(5), 5],
    ["a view of a larger buffer", new Uint8Array(100).subarray(10, 14), 4],
    ["a pending message", pending, 7],
  ])("measures the size in bytes of %s", (_, data, size) => {
    const entry = entryOf(data, undefined, false);
    expect(entry).toBeInstanceOf(OutboxEntry);
    expect([entry.size, entry.overhead, entry.state]).toEqual([
      size,
      overheadOf(data, size, undefined),
      "untracked",
    ]);
  });

  it("counts the memory of a signal and a timeout", () => {
    const options = { timeout: 5 };
    expect(entryOf("abc", options, false).overhead).toBe(overheadOf("abc", 3, options));
    expect(entryOf("abc", options, false).overhead).toBeGreaterThan(entryOf("abc", {}, false).overhead);
  });

  it.each([false, true])("keeps a text and a pending message as they are: isWritten %s", (isWritten) => {
    expect(entryOf("abc", undefined, isWritten).message.data).toBe("abc");
    expect(entryOf(pending, undefined, isWritten).message.data).toBe(pending);
  });

  it("copies bytes, so that the caller may change them", () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const { data } = entryOf(bytes, undefined, false).message;
    bytes.fill(0);
    expect(data).toEqual(Buffer.from([1, 2, 3]));
  });

  it("does not copy or keep bytes that are written in this call", () => {
    const entry = entryOf(new Uint8Array(3), undefined, true);
    expect([entry.message.data, entry.size]).toEqual([undefined, 3]);
  });

  it.each([undefined, {}, { compress: undefined }, { compress: false }, { compress: true }])(
    "keeps the option compress: %o",
    (options) => {
      expect(entryOf("abc", options, false).message.compress).toBe(options?.compress);
    },
  );
});

describe("isMessage()", () => {
  it.each([undefined, {}, Object.freeze({}), entryOf("abc", undefined, false)])(
    "is true for the token %o",
    (token) => {
      expect(isMessage({ data: "abc", token })).toBe(true);
    },
  );

  it("is false for an application ping", () => {
    expect(isMessage({ data: "ping", token: ownPing })).toBe(false);
  });
});

describe("sourceOf()", () => {
  it("returns the Blob of a pending message", () => {
    expect(sourceOf(pending)).toBe(blob);
  });

  it.each(["text", new Uint8Array(3), undefined])("returns other messages as they are: %o", (data) => {
    expect(sourceOf(data)).toBe(data);
  });
});
