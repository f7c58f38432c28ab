import { describe, expect, it } from "vitest";
import {
  boolean,
  checkFunction,
  checkObject,
  describeValue,
  group,
  integer,
  kindOf,
  number,
  oneOf,
  readOptions,
  wrongValue,
} from "../../src/options/checks.js";

/** Values, and how error messages show them. */
const shown: readonly (readonly [value: unknown, text: string])[] = [
  ["text", '"text"'],
  ['with "quotes"', '"with \\"quotes\\""'],
  ["x".repeat(100), `"${"x".repeat(100)}"`],
  ["x".repeat(101), `"${"x".repeat(100)}…"`],
  [5, "5"],
  [Number.NaN, "NaN"],
  [5n, "5"],
  [true, "true"],
  [null, "null"],
  [undefined, "undefined"],
  [Symbol("s"), "Symbol(s)"],
  [(): void => undefined, "a function"],
  [Map, "a function"],
  [{}, "an object"],
  [Object.create(null), "an object"],
  [[], "an array"],
];

describe("describeValue and kindOf", () => {
  it.each(shown)("show %o", (value, text) => {
    expect(describeValue(value)).toBe(text);
    expect(kindOf(value)).toBe(typeof value === "string" ? "a string" : text);
  });
});

describe("wrongValue", () => {
  it("names the option, the expected value and the actual value", () => {
    const error = wrongValue("keepAlive", "a number", "soon");
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('The option "keepAlive" must be a number, not "soon".');
  });

  it.each(["headers", "subprotocols", "tls", "proxy"])(
    "does not show a string that was passed for %s",
    (name) => {
      const { message } = wrongValue(name, "something else", "secret");
      expect(message).toBe(`The option "${name}" must be something else, not a string.`);
    },
  );
});

describe("checkObject", () => {
  it.each([{}, new Map(), Buffer.alloc(1)])("returns %o unchanged", (value) => {
    expect(checkObject("o", value)).toBe(value);
  });

  it.each([null, undefined, "x", 5, [], (): void => undefined])("rejects %o", (value) => {
    expect(() => checkObject("o", value as never)).toThrow(wrongValue("o", "an object", value));
    expect(() => checkObject("o", value as never, "a box")).toThrow(wrongValue("o", "a box", value));
  });
});

describe("checkFunction", () => {
  it("accepts a function or undefined", () => {
    const value = (): void => undefined;
    expect(checkFunction("f", value)).toBe(value);
    expect(checkFunction<unknown>("f", undefined)).toBeUndefined();
  });

  it.each([null, "x", {}])("rejects %o", (value) => {
    expect(() => checkFunction("f", value)).toThrow(wrongValue("f", "a function", value));
  });
});

describe("boolean", () => {
  it.each([true, false])("accepts %s, and returns the default for undefined", (value) => {
    expect(boolean(!value)("b", value)).toBe(value);
    expect(boolean(value)("b", undefined)).toBe(value);
    expect(boolean(undefined)("b", undefined)).toBeUndefined();
  });

  it.each([null, 0, "true"])("rejects %o", (value) => {
    expect(() => boolean(true)("b", value as never)).toThrow(wrongValue("b", "true or false", value));
  });
});

describe("integer", () => {
  it.each([3, 4, 5])("accepts %i if the bounds are 3 and 5", (value) => {
    expect(integer(9, 3, 5)("n", value)).toBe(value);
  });

  it("returns the default for undefined", () => {
    expect(integer(9, 3, 5)("n", undefined)).toBe(9);
    expect(integer(undefined, 3, 5)("n", undefined)).toBeUndefined();
  });

  it.each([2, 6, 3.5, -3, Number.NaN, Infinity])("rejects %d, which is out of bounds", (value) => {
    const check = (): number => integer(9, 3, 5)("n", value);
    expect(check).toThrow(RangeError);
    expect(check).toThrow(`The option "n" must be a whole number from 3 to 5, not ${value}.`);
  });

  it.each([null, "4", {}, 4n])("refuses %o, which is no number", (value) => {
    expect(() => integer(9, 3, 5)("n", value as never)).toThrow(wrongValue("n", "a number", value));
  });
});

describe("number", () => {
  it.each([3, 3.5, 5])("accepts %d if the bounds are 3 and 5", (value) => {
    expect(number(9, 3, 5)("n", value)).toBe(value);
  });

  it("returns the default for undefined", () => expect(number(9, 3, 5)("n", undefined)).toBe(9));

  it.each([2.9, 5.1, Number.NaN, Infinity, -Infinity])("rejects %d, which is out of bounds", (value) => {
    const check = (): number => number(9, 3, 5)("n", value);
    expect(check).toThrow(RangeError);
    expect(check).toThrow(`The option "n" must be a number from 3 to 5, not ${value}.`);
  });

  it.each([null, "4", {}, 4n])("refuses %o, which is no number", (value) => {
    expect(() => number(9, 3, 5)("n", value as never)).toThrow(wrongValue("n", "a number", value));
  });
});

describe("readOptions", () => {
  interface Box {
    readonly a?: number;
    readonly b?: number;
  }
  const read = (options: object): Box => readOptions<Box>("box", options, ["b", "a"]);

  it.each([{}, { a: 1 }, { a: 1, b: 2 }])("returns a copy of %o that inherits nothing", (options) => {
    const own = read(options);
    expect({ ...own }).toEqual(options);
    expect([own === options, Object.getPrototypeOf(own)]).toEqual([false, null]);
  });

  it("ignores a name whose value is undefined, and inherited names", () => {
    expect({ ...read(Object.assign(Object.create({ a: 1, c: 1 }) as object, { d: undefined })) }).toEqual({});
  });

  it("throws for an unknown name, and lists the known names", () => {
    const error = new TypeError('Unknown option "c" in box. Known options: a, b.');
    expect(() => read({ a: 1, c: 2 })).toThrow(error);
  });

  it("throws for a value that is not an object", () => {
    expect(() => read(5 as never)).toThrow(wrongValue("box", "an object", 5));
    expect(() => readOptions<Box>("box", 5 as never, [], "a box")).toThrow(wrongValue("box", "a box", 5));
  });
});

describe("oneOf", () => {
  it("accepts each allowed value, and returns the first for undefined", () => {
    for (const value of ["a", "b", "c"] as const) expect(oneOf("a", "b", "c")("w", value)).toBe(value);
    expect(oneOf("a", "b")("w", undefined)).toBe("a");
  });

  it.each([null, "d", 5])("rejects %o", (value) => {
    expect(() => oneOf("a", "b")("w", value as never)).toThrow(wrongValue("w", 'one of "a", "b"', value));
  });
});

describe("group", () => {
  const check = group<{ readonly a: number; readonly b: boolean }>(
    { a: integer(1, 0), b: boolean(true) },
    "a number or a box",
    "a",
  );

  it("checks each option, and adds the defaults", () => {
    expect(check("box", { a: 5 })).toEqual({ a: 5, b: true });
    expect(() => check("box", { a: "5" })).toThrow(wrongValue("box.a", "a number", "5"));
    expect(() => check("box", { c: 5 })).toThrow('Unknown option "c" in box. Known options: a, b.');
  });

  it("accepts a number for one option, if it has a name for it", () => {
    expect(check("box", 7)).toEqual({ a: 7, b: true });
    expect(() => check("box", null as never)).toThrow(wrongValue("box", "a number or a box", null));
    expect(() => group({})("box", 7)).toThrow(wrongValue("box", "an object", 7));
  });

  it("returns the same frozen defaults each time", () => {
    expect(check("box", undefined)).toEqual({ a: 1, b: true });
    expect(check("box", undefined)).toBe(check("box", undefined));
    expect(Object.isFrozen(check("box", undefined))).toBe(true);
  });
});
