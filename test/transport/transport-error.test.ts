import { describe, expect, it } from "vitest";
import { withMessage } from "../../src/transport/transport-error.js";

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
