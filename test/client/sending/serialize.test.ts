import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { controlPayload, rawMessage, serialize } from "../../../src/client/sending/serialize.js";
import { PendingMessage } from "../../../src/connection/pending-message.js";
import type { RawData } from "../../../src/options/options.js";
import { MemoryBlob } from "../../support/memory-blob.js";

describe("serialize()", () => {
  it("returns the string or the bytes that the serializer returns", () => {
    const bytes = Buffer.from("b");
    expect(serialize((value: number) => `n${value}`, 5)).toBe("n5");
    expect(serialize(() => bytes, 5)).toBe(bytes);
  });

  it("accepts any binary type from the serializer", () => {
    expect(serialize((() => Uint8Array.of(1).buffer) as never, 5)).toEqual(Uint8Array.of(1));
  });

  it.each([undefined, null, 5, {}, []])("throws if the serializer returns %o", (given) => {
    expect(() => serialize((() => given) as never, 5)).toThrow(TypeError);
    expect(() => serialize((() => given) as never, 5)).toThrow(
      /^The serializer must return a string or bytes, not /,
    );
  });

  it("throws the error of the serializer", () => {
    const error = new Error("mine");
    const fail = (): never => {
      throw error;
    };
    expect(() => serialize(fail, 5)).toThrow(error);
  });
});

const euro = Buffer.from("\u20ac");
const shared = new SharedArrayBuffer(3);
new Uint8Array(shared).set(euro);
const copy = (): Uint8Array => Uint8Array.from(euro);

const binary: readonly RawData[] = [
  ...[euro, copy(), copy().buffer, shared, new Int8Array(copy().buffer)],
  new DataView(Uint8Array.of(0, ...euro, 0).buffer, 1, 3),
];

describe("rawMessage()", () => {
  it("returns text for a string", () => {
    expect(rawMessage("a", undefined)).toBe("a");
    expect(rawMessage("a", { binary: false })).toBe("a");
  });

  it("returns bytes for a string with binary: true", () => {
    expect(rawMessage("\u20ac", { binary: true })).toEqual(euro);
  });

  it.each(binary)("returns bytes for %o", (data) => {
    for (const options of [undefined, {}, { binary: true }, { binary: undefined }]) {
      expect([...(rawMessage(data, options) as Uint8Array)]).toEqual([...euro]);
    }
  });

  it.each(binary)("returns text for %o with binary: false", (data) => {
    expect(rawMessage(data, { binary: false })).toBe("\u20ac");
  });

  it.each([
    "Uint8Array.of(0xe2, 0x82, 0xac).buffer",
    "Uint8Array.of(0xe2, 0x82, 0xac)",
    "new DataView(Uint8Array.of(0xe2, 0x82, 0xac).buffer)",
    "{ const shared = new SharedArrayBuffer(3); new Uint8Array(shared).set([0xe2, 0x82, 0xac]); shared }",
  ])("accepts a value of another realm: %s", (expression) => {
    const data = runInNewContext(expression) as RawData;
    expect([...(rawMessage(data, undefined) as Uint8Array)]).toEqual([...euro]);
    expect(rawMessage(data, { binary: false })).toBe("\u20ac");
  });

  it("throws for binary: false if the bytes are not valid UTF-8", () => {
    expect(() => rawMessage(Uint8Array.of(0xff), { binary: false })).toThrow(TypeError);
    expect(() => rawMessage(Uint8Array.of(0xff), { binary: false })).toThrow(
      /not valid UTF-8.*binary: false/,
    );
  });

  it.each([undefined, null, 5, {}, [1]])("throws for %o", (data) => {
    expect(() => rawMessage(data as never, undefined)).toThrow(TypeError);
    expect(() => rawMessage(data as never, undefined)).toThrow(
      /^sendRaw\(\) requires a string, bytes or a Blob, not /,
    );
  });
});

describe("rawMessage() of a Blob", () => {
  const blob = new MemoryBlob("\u20ac");

  it("returns a pending message that is read later, as bytes or as text", async () => {
    for (const [options, content] of [
      [undefined, Uint8Array.from(euro)],
      [{ binary: true }, Uint8Array.from(euro)],
      [{ binary: false }, "\u20ac"],
    ] as const) {
      const message = rawMessage(blob, options) as PendingMessage;
      expect(message).toBeInstanceOf(PendingMessage);
      expect([message.source, message.size]).toEqual([blob, 3]);
      expect(await message.read()).toEqual(content);
    }
  });

  it("rejects on reading with binary: false if the bytes are not valid UTF-8", async () => {
    const blob = new MemoryBlob(Uint8Array.of(0xff));
    const message = rawMessage(blob, { binary: false }) as PendingMessage;
    await expect(message.read()).rejects.toThrow(/not valid UTF-8/);
  });
});

describe("controlPayload()", () => {
  it("returns the bytes, or undefined without a payload", () => {
    expect(controlPayload(undefined)).toBeUndefined();
    expect(controlPayload(euro)).toBe(euro);
    expect(controlPayload(copy().buffer as never)).toEqual(copy());
  });

  it.each(["text", 5, null, {}])("throws for %o", (payload) => {
    expect(() => controlPayload(payload as never)).toThrow(TypeError);
    expect(() => controlPayload(payload as never)).toThrow(/payload of a ping or pong must be bytes, not /);
  });
});
