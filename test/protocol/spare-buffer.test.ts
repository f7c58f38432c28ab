import { expect, it } from "vitest";
import { SpareBuffer } from "../../protocol/spare-buffer.js";

const kibibyte = 1024;

it("borrow() lends the buffer to one user at a time", () => {
  const spare = new SpareBuffer(256 * kibibyte);
  const first = spare.borrow(100 * kibibyte)!;
  expect(first).toHaveLength(256 * kibibyte);
  expect(spare.borrow(100 * kibibyte)).toBeUndefined();
  spare.release(first);
  expect(spare.borrow(256 * kibibyte)).toBe(first);
});

it("borrow() returns undefined for small sizes and for sizes above its own", () => {
  const spare = new SpareBuffer(256 * kibibyte);
  expect(spare.borrow(kibibyte)).toBeUndefined();
  expect(spare.borrow(256 * kibibyte + 1)).toBeUndefined();
  expect(spare.borrow(64 * kibibyte)).toBeDefined();
});

it("release() accepts undefined", () => {
  const spare = new SpareBuffer(256 * kibibyte);
  spare.borrow(64 * kibibyte);
  spare.release(undefined);
  expect(spare.borrow(64 * kibibyte)).toBeUndefined();
});
