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

describe("serializeByDefault()", () => {
  it.each(["text", "", '{"already":"JSON"}'])("returns a string unchanged: %j", (value) => {
    expect(serializeByDefault(value)).toBe(value);
  });

  it.each([Buffer.from("ab"), Uint8Array.of(1, 2)])("returns bytes unchanged: %o", (value) => {
    expect(serializeByDefault(value)).toBe(value);
  });

  it.each(binary)("returns the bytes of any binary type, also of another realm: %o", (value) => {
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
  ])("returns JSON for %o", (value, text) => expect(serializeByDefault(value)).toBe(text));

  it.each([
    [undefined, "undefined"],
    [(): void => undefined, "function"],
    [Symbol("s"), "symbol"],
  ])("throws for %s, which has no JSON form", (value, type) => {
    expect(() => serializeByDefault(value)).toThrow(TypeError);
    expect(() => serializeByDefault(value)).toThrow(`A value of type ${type} has no JSON form`);
  });

  it("throws for values that JSON.stringify rejects", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(() => serializeByDefault(circle)).toThrow(TypeError);
    expect(() => serializeByDefault(5n)).toThrow(TypeError);
  });

  it.each([new Map([[1, 2]]), new Set([1]), /x/, Promise.resolve(1), new Error("x"), new Blob(["x"])])(
    "throws for %s, which JSON would write as an empty object",
    (value) => {
      expect(() => serializeByDefault(value)).toThrow(/would be sent as \{\}/);
      expect(() => serializeByDefault({ value })).toThrow(/would be sent as \{\}/);
    },
  );

  it("mentions sendRaw() in the error for a Blob", () => {
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
  // These are not JSON white space: a byte order mark, a no-break space, a vertical tab, a line separator.
  ...["\ufeff{}", "\u00a0{}", "\u000b{}", "\u2028[]"],
];

describe("deserializeByDefault()", () => {
  it.each(asJson)("parses a text that begins like an object or an array: %j", (text, value) => {
    expect(deserializeByDefault(text, false)).toEqual(value);
  });

  it.each(asText)("returns any other text unchanged: %j", (text) => {
    expect(deserializeByDefault(text, false)).toBe(text);
  });

  it("returns the Buffer of a binary message unchanged", () => {
    const data = Buffer.from("{}");
    expect(deserializeByDefault(data, true)).toBe(data);
  });

  it.each(["{", "[1,", " {no JSON", "[object Object]", "{}\ufeff"])("throws for the text %j", (text) => {
    expect(() => deserializeByDefault(text, false)).toThrow(SyntaxError);
  });

  it.each(["hello", "", "5", "plain text with { and ["])(
    "returns the string that was passed to send(): %j",
    (text) => {
      expect(deserializeByDefault(serializeByDefault(text) as string, false)).toBe(text);
    },
  );
});

describe("the json pair", () => {
  it.each(["hello", "", '{"a":1}', 5, null, { a: [1] }])("sends and receives %j as JSON", (value) => {
    const text = json.serializer(value);
    expect(text).toBe(JSON.stringify(value));
    expect(json.deserializer(text as string, false)).toEqual(value);
  });

  it.each(["hello", "", "\ufeff{}", "{"])("throws for the text %j, which is not JSON", (text) => {
    expect(() => json.deserializer(text, false)).toThrow(SyntaxError);
  });

  it("sends and receives bytes unchanged", () => {
    const bytes = Buffer.of(1);
    expect(json.serializer(bytes)).toBe(bytes);
    expect(json.deserializer(bytes, true)).toBe(bytes);
  });

  it("throws for values that would be sent as {}, and for values without a JSON form", () => {
    expect(() => json.serializer(new Map())).toThrow(TypeError);
    expect(() => json.serializer(undefined)).toThrow(TypeError);
  });
});

describe("the raw pair", () => {
  it.each(["text", Buffer.from("bytes")])("sends and receives %o unchanged", (data) => {
    expect(raw.serializer(data)).toBe(data);
    expect(raw.deserializer(data, typeof data !== "string")).toBe(data);
  });
});
