import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { jsonText } from "../../../src/client/sending/json-text.js";

class Hidden {
  #secret = 5;
  get secret(): number {
    return this.#secret;
  }
}

class Bag {
  readonly #items = [1, 2];
  [Symbol.iterator](): Iterator<number> {
    return this.#items[Symbol.iterator]();
  }
}

function* numbers(): Generator<number> {
  yield 1;
}

// Headers and FormData are not tested: Node loads its HTTP client for them, which leaves a pending promise. They are rejected like
// URLSearchParams.
const lossy: [what: string, value: object, advice: RegExp][] = [
  ["A Map", new Map([[1, 2]]), /Object\.fromEntries/],
  ["A Map", new Map(), /Object\.fromEntries/],
  ["A Set", new Set([1]), /an array of its entries/],
  ["A WeakMap", new WeakMap(), /toJSON/],
  ["A WeakSet", new WeakSet(), /toJSON/],
  ["A WeakRef", new WeakRef({}), /toJSON/],
  ["A RegExp", /x/, /toJSON/],
  ["A Promise", Promise.resolve(1), /Await it first/],
  ["An Error", new Error("lost"), /toJSON/],
  ["An Error", new TypeError("lost"), /toJSON/],
  ["A Blob", new Blob(["x"]), /sendRaw/],
  ["An ArrayBuffer", new ArrayBuffer(2), /binary message/],
  ["A SharedArrayBuffer", new SharedArrayBuffer(2), /binary message/],
  ["A DataView", new DataView(new ArrayBuffer(2)), /binary message/],
  ["A URLSearchParams", new URLSearchParams("a=1"), /entries/],
  ["A Generator", numbers(), /entries/],
  ["A Bag", new Bag(), /entries/],
  ["A Symbol", Object(Symbol("x")) as object, /toJSON/],
];

describe("jsonText() of a value with content that JSON would write as {}", () => {
  it.each(lossy)("throws an error that names the type and gives advice: %s", (name, value, advice) => {
    expect(() => jsonText(value)).toThrow(TypeError);
    expect(() => jsonText(value)).toThrow(`${name} has no JSON form, and would be sent as {}.`);
    expect(() => jsonText(value)).toThrow(advice);
  });

  it.each(lossy)("throws if the value is nested in objects and arrays: %s", (name, value) => {
    expect(() => jsonText({ a: 1, deep: [{ value }] })).toThrow(`${name} has no JSON form`);
  });

  it.each([
    ["A Map", "new Map([[1, 2]])"],
    ["A Set", "new Set([1])"],
    ["A RegExp", "/x/"],
    ["A Promise", "Promise.resolve(1)"],
    ["An Error", "new Error('lost')"],
    ["An ArrayBuffer", "new ArrayBuffer(2)"],
  ])("throws if the value is from another realm: %s", (name, expression) => {
    const value: unknown = runInNewContext(expression);
    expect(() => jsonText(value)).toThrow(`${name} has no JSON form`);
    expect(() => jsonText([value])).toThrow(`${name} has no JSON form`);
  });

  it("throws if the class changes its tag", () => {
    class Quiet extends Map<number, number> {
      override get [Symbol.toStringTag](): string {
        return "Object";
      }
    }
    expect(() => jsonText(new Quiet([[1, 2]]))).toThrow("A Quiet has no JSON form");
  });

  it("throws for a thenable object", () => {
    expect(() => jsonText(Object.create({ then: () => undefined }))).toThrow(/Await it first/);
  });

  it("throws if toJSON returns such a value", () => {
    expect(() => jsonText({ toJSON: () => new Map() })).toThrow("A Map has no JSON form");
  });
});

class Empty {
  get nothing(): undefined {
    return undefined;
  }
}
class WithField {
  readonly field = 1;
}
class Listed extends Map<string, number> {
  toJSON(): object {
    return Object.fromEntries(this);
  }
}

const whole: [value: unknown, text: string][] = [
  [{}, "{}"],
  [Object.create(null), "{}"],
  [runInNewContext("({})"), "{}"],
  [[{}, { a: {} }], '[{},{"a":{}}]'],
  [new Empty(), "{}"],
  [new WithField(), '{"field":1}'],
  [new Listed([["a", 1]]), '{"a":1}'],
  [{ a: {}, list: new Listed() }, '{"a":{},"list":{}}'],
  [{ a: "{}" }, '{"a":"{}"}'],
  [{ a: {}, at: new Date(0) }, '{"a":{},"at":"1970-01-01T00:00:00.000Z"}'],
  [
    { a: {}, n: Object(1) as unknown, s: Object("") as unknown, b: Object(false) as unknown },
    '{"a":{},"n":1,"s":"","b":false}',
  ],
  [{ a: {}, bytes: new Uint8Array(0) }, '{"a":{},"bytes":{}}'],
  [{ a: {}, bytes: Buffer.from("b") }, '{"a":{},"bytes":{"type":"Buffer","data":[98]}}'],
  [{ a: {}, left: undefined, out: () => 1 }, '{"a":{}}'],
  [Object.assign(new Error("kept apart"), { code: "E" }), '{"code":"E"}'],
  [new Hidden(), "{}"],
];

describe("jsonText() of a value with a JSON form", () => {
  it.each(whole)("returns the text of JSON.stringify: %o", (value, text) => {
    expect(jsonText(value)).toBe(text);
  });
});

describe("jsonText() of a value without a JSON form", () => {
  it.each([
    [undefined, "undefined"],
    [(): void => undefined, "function"],
    [Symbol("s"), "symbol"],
  ])("throws for %s", (value, type) => {
    expect(() => jsonText(value)).toThrow(TypeError);
    expect(() => jsonText(value)).toThrow(`A value of type ${type} has no JSON form`);
  });
});
