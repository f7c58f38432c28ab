import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { bytesOf, isBlob } from "../../../src/client/sending/binary-data.js";

const shared = new SharedArrayBuffer(2);
new Uint8Array(shared).set([1, 2]);

/** Evaluates an expression in another realm. */
const foreign = (expression: string): unknown => runInNewContext(expression);

describe("bytesOf()", () => {
  it.each([
    Buffer.of(1, 2),
    Uint8Array.of(1, 2),
    Int8Array.of(1, 2),
    Uint16Array.of(0x0201),
    new DataView(Uint8Array.of(0, 1, 2, 3).buffer, 1, 2),
    Uint8Array.of(1, 2).buffer,
    shared,
  ])("returns the bytes of %o", (value) => {
    const bytes = bytesOf(value);
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect([...bytes!]).toEqual([1, 2]);
  });

  it.each([
    "Uint8Array.of(1, 2).buffer",
    "Uint8Array.of(1, 2)",
    "Uint8ClampedArray.of(1, 2)",
    "Uint16Array.of(0x0201)",
    "new DataView(Uint8Array.of(0, 1, 2, 3).buffer, 1, 2)",
    "{ const shared = new SharedArrayBuffer(2); new Uint8Array(shared).set([1, 2]); shared; }",
    "class Own extends ArrayBuffer {}; const own = new Own(2); new Uint8Array(own).set([1, 2]); own",
  ])("returns the bytes of a value of another realm: %s", (expression) => {
    const bytes = bytesOf(foreign(expression));
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect([...bytes!]).toEqual([1, 2]);
  });

  it("returns a view of the same memory", () => {
    const { buffer } = Uint8Array.of(1);
    bytesOf(buffer)![0] = 7;
    expect(new Uint8Array(buffer)[0]).toBe(7);
  });

  it.each(["text", [1, 2], { length: 2 }, 5, null, undefined, new Blob([]), new Map(), new Date()])(
    "returns undefined for %o",
    (value) => {
      expect(bytesOf(value)).toBeUndefined();
    },
  );

  it.each(["({ length: 2 })", "[1, 2]", "new Map()", "({ [Symbol.toStringTag]: 'ArrayBuffer' })"])(
    "returns undefined for a value of another realm that is not binary: %s",
    (expression) => {
      expect(bytesOf(foreign(expression))).toBeUndefined();
    },
  );
});

describe("isBlob()", () => {
  const standIn = (tag: string, rest: object = { size: 0, arrayBuffer: () => undefined }): object =>
    Object.assign(Object.create({ [Symbol.toStringTag]: tag }) as object, rest);

  it.each([new Blob([]), standIn("Blob"), standIn("File")])(
    "returns true for a Blob and for objects with the tag Blob or File: %o",
    (value) => {
      expect(isBlob(value)).toBe(true);
    },
  );

  it.each([null, undefined, "Blob", {}, standIn("Map"), standIn("Blob", {}), standIn("Blob", { size: 1 })])(
    "returns false for %o",
    (value) => {
      expect(isBlob(value)).toBe(false);
    },
  );
});
