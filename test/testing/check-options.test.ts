import { describe, expect, it } from "vitest";
import { checkOptions } from "../../src/testing/check-options.js";

const names = ["seed", "server"];

describe("checkOptions()", () => {
  it("returns the own options", () => {
    expect(checkOptions({ seed: 1, server: "s" }, names)).toEqual({ seed: 1, server: "s" });
    expect(checkOptions({}, names)).toEqual({});
  });

  it("does not read options from the prototype", () => {
    const options = Object.create({ sever: 1 }, { seed: { value: 2, enumerable: true } }) as object;
    expect(checkOptions(options, names)).toEqual({ seed: 2 });
  });

  it("throws for an unknown option, and names the known ones", () => {
    expect(() => checkOptions({ sever: 1 }, names)).toThrow(TypeError);
    expect(() => checkOptions({ sever: 1 }, names)).toThrow(
      'Unknown option "sever". Known options: seed, server.',
    );
  });

  it.each([
    ["a number", 5, "number"],
    ["a string", "seed", "string"],
    ["null", null, "null"],
  ])("throws for %s", (_, value, type) => {
    expect(() => checkOptions(value as never, names)).toThrow(`The options must be an object, not ${type}.`);
  });
});
