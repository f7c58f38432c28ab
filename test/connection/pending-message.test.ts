import { expect, it } from "vitest";
import { PendingMessage, sizeOf } from "../../src/connection/pending-message.js";

it.each([
  ["an empty text", "", 0],
  ["an ASCII text", "abc", 3],
  ["a text with characters of several bytes", "é€😀", 2 + 3 + 4],
  ["a Buffer", Buffer.alloc(5), 5],
  ["a view of a larger buffer", new Uint8Array(100).subarray(10, 14), 4],
  ["a pending message", new PendingMessage(new Blob(["1234567"]), 7, () => Promise.resolve("1234567")), 7],
])("sizeOf() returns the bytes of %s", (_, data, size) => {
  expect(sizeOf(data)).toBe(size);
});
