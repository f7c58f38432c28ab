import { describe, expect, it } from "vitest";
import {
  exposeInterface,
  requireArgument,
  toClampedShort,
  toDomString,
  toHandler,
  toShort,
  toUsvString,
} from "../../src/whatwg/web-idl.js";

describe("the conversions of Web IDL", () => {
  it.each([
    [undefined, 0, 0],
    [null, 0, 0],
    ["", 0, 0],
    ["12", 12, 12],
    [-1, 0, 65_535],
    [-0.5, 0, 0],
    [0.5, 0, 0],
    [1.5, 2, 1],
    [2.5, 2, 2],
    [2.51, 3, 2],
    [65_534.5, 65_534, 65_534],
    [65_535.4, 65_535, 65_535],
    [66_536, 65_535, 1_000],
    [2 ** 40 + 3, 65_535, 3],
    [Infinity, 65_535, 0],
    [-Infinity, 0, 0],
    [NaN, 0, 0],
    [{}, 0, 0],
    [[7], 7, 7],
  ])("convert %j to the clamped number %d and to the number %d", (value, clamped, modulo) => {
    expect(toClampedShort(value)).toBe(clamped);
    expect(toShort(value)).toBe(modulo);
  });

  it.each([[Symbol("a")], [1n]])("refuse %s as a number", (value) => {
    expect(() => toClampedShort(value)).toThrow(TypeError);
    expect(() => toShort(value)).toThrow(TypeError);
  });

  it("convert to strings, and refuse symbols", () => {
    expect([toDomString(null), toDomString(1n), toDomString({ toString: () => "x" })]).toEqual([
      ...["null", "1", "x"],
    ]);
    expect(() => toDomString(Symbol("a"))).toThrow(TypeError);
    expect(toDomString("\uD800")).toBe("\uD800");
    expect(toUsvString("\uFEFFa\uD800\u{1F600}\uDC00")).toBe("\uFEFFa\uFFFD\u{1F600}\uFFFD");
  });

  it("convert what is not an object to no handler", () => {
    const object = {};
    expect([toHandler(object), toHandler(expect)]).toEqual([object, expect]);
    const others = [null, undefined, 5, "x", Symbol("a"), true].map(toHandler);
    expect(others.every((one) => one === null)).toBe(true);
  });

  it("require an argument", () => {
    expect(() => requireArgument([], "send()")).toThrow(new TypeError("send() requires an argument."));
    requireArgument([undefined], "send()");
  });
});

it("an exposed interface has its shape", () => {
  class Renamed {
    get a(): number {
      return 1;
    }

    b(): void {}
  }
  exposeInterface(Renamed, "Thing", { ONE: 1 });
  expect(Object.keys(Renamed.prototype)).toEqual(["a", "b", "ONE"]);
  expect([Renamed.name, Object.prototype.toString.call(new Renamed())]).toEqual(["Thing", "[object Thing]"]);
  expect(Reflect.get(Renamed, "ONE")).toBe(1);
  expect(Reflect.set(Renamed.prototype, "ONE", 2)).toBe(false);
});
