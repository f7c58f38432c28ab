import { describe, expect, it } from "vitest";
import { toError } from "../../src/runtime/to-error.js";

describe("toError", () => {
  it("returns an error unchanged", () => {
    const error = new RangeError("out");
    expect(toError(error, "lookup")).toBe(error);
  });

  it("names the failed function and the value", () => {
    const error = toError({ code: 7 }, "lookup");
    expect(error.message).toBe("lookup failed with { code: 7 }");
    expect(error.cause).toEqual({ code: 7 });
  });
});
