import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  deserializeByDefault,
  json,
  raw,
  serializeByDefault,
} from "../../../src/client/sending/default-messages.js";

const binary: readonly unknown[] = [
  Uint16Array.of(0x0201),
  new DataView(Uint8Array.of(0, 1, 2, 3).buffer, 1, 2),
  Uint8Array.of(1, 2).buffer,
  runInNewContext("Uint8Array.of(1, 2).buffer"),
  runInNewContext("Uint8Array.of(1, 2)"),
];

describe("what is sent by default", () => {
  it.each(["text", "", '{"already":"JSON"}'])("is a string as it is: %j", (value) => {
    expect(serializeByDefault(value)).toBe(value);
  });

  it.each([Buffer.from("ab"), Uint8Array.of(1, 2)])("is bytes as they are: %o", (value) => {
    expect(serializeByDefault(value)).toBe(value);
  });

  it.each(binary)("is bytes of any type, of another realm too: %o", (value) => {
    expect(Buffer.from(serializeByDefault(value))).toEqual(Buffer.of(1, 2));
  });

  it.each([
    [{ a: [1, null] }, '{"a":[1,null]}'],
    [[1, "b"], '[1,"b"]'],
    [null, "null"],
    [0, "0"],
    [false, "false"],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ toJSON: () => "own" }, '"own"'],
  ])("is JSON for %o", (value, text) => expect(serializeByDefault(value)).toBe(text));

  it.each([
    [undefined, "undefined"],
    [(): void => undefined, "function"],
    [Symbol("s"), "symbol"],
  ])("is an error for %s, which has no JSON form", (value, type) => {
    expect(() => serializeByDefault(value)).toThrow(TypeError);
    expect(() => serializeByDefault(value)).toThrow(`A value of type ${type} has no JSON form`);
  });

  it("is an error for what JSON.stringify refuses", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(() => serializeByDefault(circle)).toThrow(TypeError);
    expect(() => serializeByDefault(5n)).toThrow(TypeError);
  });

  it.each([new Map([[1, 2]]), new Set([1]), /x/, Promise.resolve(1), new Error("x"), new Blob(["x"])])(
    "is an error for %s, of which JSON would leave an empty object",
    (value) => {
      expect(() => serializeByDefault(value)).toThrow(/would be sent as \{\}/);
      expect(() => serializeByDefault({ value })).toThrow(/would be sent as \{\}/);
    },
  );

  it("names sendRaw() where a Blob is given", () => {
    expect(() => serializeByDefault(new Blob(["x"]))).toThrow(/sendRaw/);
  });
});

const asJson: [text: string, value: unknown][] = [
  ['{"a":1}', { a: 1 }],
  ["[1]", [1]],
  [' \t\r\n{"a":1} ', { a: 1 }],
  ["\n\n[ ]", []],
];

const asText: readonly string[] = [
  ...["", "hello", "5", "-1", "true", "null", '"quoted"', " ", "\r\n", "x{}", " hello", "<xml/>"],
  // No white space of JSON: a byte order mark, a no-break space, a vertical tab, a line separator.
  ...["\ufeff{}", "\u00a0{}", "\u000b{}", "\u2028[]"],
];

describe("what is received by default", () => {
  it.each(asJson)("is JSON where the text begins as an object or an array: %j", (text, value) => {
    expect(deserializeByDefault(text, false)).toEqual(value);
  });

  it.each(asText)("is the text itself otherwise: %j", (text) => {
    expect(deserializeByDefault(text, false)).toBe(text);
  });

  it("is the Buffer itself for binary", () => {
    const data = Buffer.from("{}");
    expect(deserializeByDefault(data, true)).toBe(data);
  });

  it.each(["{", "[1,", " {no JSON", "[object Object]", "{}\ufeff"])("is an error for the text %j", (text) => {
    expect(() => deserializeByDefault(text, false)).toThrow(SyntaxError);
  });

  it.each(["hello", "", "5", "plain text with { and ["])("is what send() was given: %j", (text) => {
    expect(deserializeByDefault(serializeByDefault(text) as string, false)).toBe(text);
  });
});

describe("the json pair", () => {
  it.each(["hello", "", '{"a":1}', 5, null, { a: [1] }])("sends and receives %j as JSON", (value) => {
    const text = json.serializer(value);
    expect(text).toBe(JSON.stringify(value));
    expect(json.deserializer(text as string, false)).toEqual(value);
  });

  it.each(["hello", "", "\ufeff{}", "{"])("refuses the text %j, which is no JSON", (text) => {
    expect(() => json.deserializer(text, false)).toThrow(SyntaxError);
  });

  it("leaves bytes binary", () => {
    const bytes = Buffer.of(1);
    expect(json.serializer(bytes)).toBe(bytes);
    expect(json.deserializer(bytes, true)).toBe(bytes);
  });

  it("refuses what would be sent as {}, and what has no JSON form", () => {
    expect(() => json.serializer(new Map())).toThrow(TypeError);
    expect(() => json.serializer(undefined)).toThrow(TypeError);
  });
});

describe("the raw pair", () => {
  it.each(["text", Buffer.from("bytes")])("leaves %o as it is", (data) => {
    expect(raw.serializer(data)).toBe(data);
    expect(raw.deserializer(data, typeof data !== "string")).toBe(data);
  });
});
