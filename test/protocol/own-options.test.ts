import { describe, expect, it } from "vitest";
import { ownOptions as own } from "../../protocol/own-options.js";

class Settings {
  readonly timeout = 5;
  readonly signal = undefined;

  get inherited(): number {
    return 1;
  }
}

describe("the own options", () => {
  it("are a copy without a prototype", () => {
    const given = { a: 1, b: null, c: false };
    const copy = own(given);
    expect(Object.getPrototypeOf(copy)).toBeNull();
    expect({ ...copy }).toEqual(given);
    expect(copy).not.toBe(given);
  });

  it("leave out what is undefined", () => {
    expect(Object.keys(own({ a: undefined, b: 0 }))).toEqual(["b"]);
  });

  it("are the fields of an instance of a class, and nothing of its prototype", () => {
    expect(Object.entries(own(new Settings()))).toEqual([["timeout", 5]]);
  });

  it("are nothing of an object that was made with a prototype", () => {
    expect({ ...own(Object.create({ timeout: 5 }) as object) }).toEqual({});
  });
});
