import { describe, expect, it } from "vitest";
import { ownOptions as own } from "../../protocol/own-options.js";

class Settings {
  readonly timeout = 5;
  readonly signal = undefined;

  get inherited(): number {
    return 1;
  }
}

describe("ownOptions", () => {
  it("returns a copy without a prototype", () => {
    const given = { a: 1, b: null, c: false };
    const copy = own(given);
    expect(Object.getPrototypeOf(copy)).toBeNull();
    expect({ ...copy }).toEqual(given);
    expect(copy).not.toBe(given);
  });

  it("omits properties that are undefined", () => {
    expect(Object.keys(own({ a: undefined, b: 0 }))).toEqual(["b"]);
  });

  it("copies the fields of a class instance, and nothing of its prototype", () => {
    expect(Object.entries(own(new Settings()))).toEqual([["timeout", 5]]);
  });

  it("returns an empty copy if all properties are inherited", () => {
    expect({ ...own(Object.create({ timeout: 5 }) as object) }).toEqual({});
  });
});
