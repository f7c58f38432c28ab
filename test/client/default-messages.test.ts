import { describe, expect, it } from "vitest";
import { bytesOf, deserializeJson, raw, serializeAsJson } from "../../src/client/default-messages.js";

describe("what is sent by default", () => {
  it.each(["text", "", '{"already":"JSON"}'])("is a string as it is: %j", (value) => {
    expect(serializeAsJson(value)).toBe(value);
  });

  it.each([Buffer.from("ab"), Uint8Array.of(1, 2)])("is bytes as they are: %o", (value) => {
    expect(serializeAsJson(value)).toBe(value);
  });

  it.each([
    Uint16Array.of(0x0201),
    new DataView(Uint8Array.of(0, 1, 2, 3).buffer, 1, 2),
    Uint8Array.of(1, 2).buffer,
  ])("is bytes of any type: %o", (value) => {
    expect(Buffer.from(serializeAsJson(value))).toEqual(Buffer.of(1, 2));
  });

  it.each([
    [{ a: [1, null] }, '{"a":[1,null]}'],
    [[1, "b"], '[1,"b"]'],
    [null, "null"],
    [0, "0"],
    [false, "false"],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ toJSON: () => "own" }, '"own"'],
  ])("is JSON for %o", (value, text) => expect(serializeAsJson(value)).toBe(text));

  it.each([
    [undefined, "undefined"],
    [(): void => undefined, "function"],
    [Symbol("s"), "symbol"],
  ])("is an error for %s, which has no JSON form", (value, type) => {
    expect(() => serializeAsJson(value)).toThrow(TypeError);
    expect(() => serializeAsJson(value)).toThrow(`A value of type ${type} has no JSON form`);
  });

  it("is an error for what JSON.stringify refuses", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(() => serializeAsJson(circle)).toThrow(TypeError);
    expect(() => serializeAsJson(5n)).toThrow(TypeError);
  });

  it("is an error for a Blob, which JSON would make an empty object", () => {
    expect(() => serializeAsJson(new Blob(["x"]))).toThrow(/sendRaw/);
  });
});

describe("what is received by default", () => {
  it("is JSON for text", () => expect(deserializeJson('{"a":1}', false)).toEqual({ a: 1 }));

  it("is the Buffer itself for binary", () => {
    const data = Buffer.from("{}");
    expect(deserializeJson(data, true)).toBe(data);
  });

  it.each(["", "no JSON", "{"])("is an error for the text %j", (text) => {
    expect(() => deserializeJson(text, false)).toThrow(SyntaxError);
  });
});

describe("bytes", () => {
  const shared = new SharedArrayBuffer(2);
  new Uint8Array(shared).set([1, 2]);

  it.each([
    Buffer.of(1, 2),
    Uint8Array.of(1, 2),
    Int8Array.of(1, 2),
    Uint16Array.of(0x0201),
    new DataView(Uint8Array.of(0, 1, 2, 3).buffer, 1, 2),
    Uint8Array.of(1, 2).buffer,
    shared,
  ])("are those of %o", (value) => {
    const bytes = bytesOf(value);
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect([...bytes!]).toEqual([1, 2]);
  });

  it("share the memory that they are given", () => {
    const { buffer } = Uint8Array.of(1);
    bytesOf(buffer)![0] = 7;
    expect(new Uint8Array(buffer)[0]).toBe(7);
  });

  it.each(["text", [1, 2], { length: 2 }, 5, null, undefined, new Blob([])])("are not in %o", (value) => {
    expect(bytesOf(value)).toBeUndefined();
  });
});

describe("the raw pair", () => {
  it.each(["text", Buffer.from("bytes")])("leaves %o as it is", (data) => {
    expect(raw.serializer(data)).toBe(data);
    expect(raw.deserializer(data, typeof data !== "string")).toBe(data);
  });
});
