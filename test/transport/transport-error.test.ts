import { describe, expect, it } from "vitest";
import { toError, withMessage } from "../../src/transport/transport-error.js";

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

describe("withMessage", () => {
  const errors = [new Error("first"), new Error("second")];

  it("joins the messages of an aggregate's errors, and keeps its code", () => {
    const error = withMessage(Object.assign(new AggregateError(errors), { code: "ECONNREFUSED" }));
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.message).toBe("first; second");
    expect(error).toMatchObject({ errors, code: "ECONNREFUSED" });
  });

  it.each([new Error("plain"), new Error(""), new AggregateError(errors, "has one")])(
    "returns unchanged: %o",
    (error) => {
      expect(withMessage(error)).toBe(error);
    },
  );
});
