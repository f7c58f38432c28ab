import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

type Functions = typeof import("../../protocol/fast-buffer.js");

const names = ["utf8Slice", "latin1Slice", "ucs2Slice", "utf8Write"] as const;
type Name = (typeof names)[number];
type Method = (this: Uint8Array, ...args: unknown[]) => unknown;

const prototype = Buffer.prototype as unknown as Record<Name, Method>;
const original = Object.fromEntries(names.map((name) => [name, prototype[name]])) as Record<Name, Method>;
const species = Object.getOwnPropertyDescriptor(Buffer, Symbol.species)!;

function restore(): void {
  Object.assign(prototype, original);
  Object.defineProperty(Buffer, Symbol.species, species);
}

/**
 * Imports the module while methods of Buffers are replaced. The test of the module calls each method for a Uint8Array.
 * Only these calls reach the replacement, because Node calls the methods for Buffers.
 */
async function importWith(methods: Partial<Record<Name, Method>>, View?: unknown): Promise<Functions> {
  vi.resetModules();
  for (const [name, method] of Object.entries(methods) as [Name, Method][]) {
    prototype[name] = function (...args) {
      return Reflect.apply(Buffer.isBuffer(this) ? original[name] : method, this, args);
    };
  }
  if (View !== undefined) Object.defineProperty(Buffer, Symbol.species, { value: View, configurable: true });
  try {
    return await import("../../protocol/fast-buffer.js");
  } finally {
    restore();
  }
}

function everyMethod(method: Method): Record<Name, Method> {
  return Object.fromEntries(names.map((name) => [name, method])) as Record<Name, Method>;
}

const texts = ["", "a", "h\u00e9\u20ac\u{1f600}", "\ufeffx\ufffd\0", "x".repeat(10_000), "é".repeat(5_000)];

const codes = Array.from({ length: 10_000 }, (_, index) => index % 256);

describe.each<[string, () => Promise<Functions>]>([
  ["the methods of Buffers", () => importWith({})],
  [
    "methods that throw",
    () =>
      importWith(
        everyMethod(() => {
          throw new Error("gone");
        }),
        "no class",
      ),
  ],
  [
    "methods that return nonsense",
    () =>
      importWith(
        everyMethod(() => "nonsense"),
        Uint8Array,
      ),
  ],
  [
    "methods that do nothing",
    () =>
      importWith(
        everyMethod(() => undefined),
        Buffer,
      ),
  ],
])("with %s", (_, load) => {
  let fast: Functions;

  beforeAll(async () => {
    fast = await load();
  });

  it.each(texts)("writes and reads the text in UTF-8: %#", (text) => {
    const expected = [...new TextEncoder().encode(text)];
    const bytes = Buffer.alloc(expected.length + 5, 1);
    expect(fast.utf8Write(bytes, text, 3, expected.length)).toBe(expected.length);
    expect([...bytes]).toEqual([1, 1, 1, ...expected, 1, 1]);
    expect(fast.utf8Slice(bytes, 3, bytes.length - 2)).toBe(text);
    expect([...fast.utf8Bytes(text)]).toEqual(expected);
    expect(fast.utf8Text(Uint8Array.from(expected))).toBe(text);
  });

  it("writes no part of a character, and U+FFFD for a lone surrogate", () => {
    const bytes = Buffer.alloc(8);
    expect(fast.utf8Write(bytes, "a€", 0, 3)).toBe(1);
    expect(fast.utf8Write(bytes, "\ud800b", 1, 6)).toBe(4);
    expect([...bytes]).toEqual([0x61, 0xef, 0xbf, 0xbd, 0x62, 0, 0, 0]);
    expect([...fast.utf8Bytes("\udc00")]).toEqual([0xef, 0xbf, 0xbd]);
  });

  it("reads invalid UTF-8 as U+FFFD", () => {
    expect(fast.utf8Slice(Buffer.of(0x61, 0xc3, 0x28, 0xff), 0, 4)).toBe("a\ufffd(\ufffd");
  });

  it("reads each byte as a character", () => {
    const expected = String.fromCharCode(...codes);
    expect(fast.latin1Slice(Buffer.from([9, ...codes, 9]), 1, codes.length + 1)).toBe(expected);
    expect(fast.latin1Text(Uint8Array.from(codes))).toBe(expected);
    expect(fast.latin1Text(new Uint8Array(0))).toBe("");
  });

  it("reads UTF-16 in little-endian order", () => {
    const text = String.fromCharCode(...codes.map((code) => code * 255));
    expect(fast.ucs2Slice(Buffer.from(`a${text}b`, "utf16le"), 2, 2 * text.length + 2)).toBe(text);
  });

  it("creates a Buffer over existing memory", () => {
    const memory = new ArrayBuffer(8);
    const view = fast.bufferView(memory, 2, 3);
    view.fill(7);
    expect([...new Uint8Array(memory)]).toEqual([0, 0, 7, 7, 7, 0, 0, 0]);
    expect(Buffer.isBuffer(view)).toBe(true);
    expect(view.toString("hex")).toBe("070707");
  });
});

describe("the module", () => {
  afterAll(restore);

  it("calls a method that works, also after a program has replaced this method", async () => {
    const calls: unknown[][] = [];
    const fast = await importWith({
      latin1Slice: function (...args) {
        calls.push(args);
        return Reflect.apply(original.latin1Slice, this, args);
      },
    });
    expect(calls).toHaveLength(1);
    expect(fast.latin1Text(Uint8Array.of(0x61))).toBe("a");
    expect(calls).toHaveLength(2);
  });

  it.each([
    ["one byte too few", (bytes: Uint8Array) => bytes.subarray(0, -1)],
    ["one byte too many", (bytes: Uint8Array) => [...bytes, 1]],
  ])("does not call a method that reads %s", async (_, change) => {
    const fast = await importWith({
      utf8Slice: function (start, end) {
        const bytes = Buffer.from(change(this.subarray(start as number, end as number)));
        return Reflect.apply(original.utf8Slice, bytes, [0, bytes.length]);
      },
    });
    expect(fast.utf8Text(Uint8Array.of(0x61, 0x62))).toBe("ab");
  });

  it("does not call a method that writes more than it may", async () => {
    const fast = await importWith({
      utf8Write: function (text, offset) {
        return Reflect.apply(original.utf8Write, this, [text, offset, this.length]);
      },
    });
    const bytes = new Uint8Array(4);
    expect(fast.utf8Write(bytes, "abcd", 0, 2)).toBe(2);
    expect([...bytes]).toEqual([0x61, 0x62, 0, 0]);
  });

  it("prints no warning if Buffer has no species of its own", async () => {
    const onWarning = vi.fn();
    process.on("warning", onWarning);
    const fast = await importWith({}, Buffer);
    fast.bufferView(new ArrayBuffer(1), 0, 1);
    await new Promise(setImmediate);
    process.off("warning", onWarning);
    expect(onWarning).not.toHaveBeenCalled();
  });
});
