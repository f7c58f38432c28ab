import { beforeEach, describe, expect, it } from "vitest";
import { computeKey } from "../../../src/client/receiving/message-key.js";
import { JetSocketError } from "../../../src/errors.js";

let errors: Error[];
const handler = { onError: (error: Error): void => void errors.push(error) };

beforeEach(() => {
  errors = [];
});

describe("computeKey()", () => {
  it("passes the message to keyOf", () => {
    const message = { symbol: "ABC" };
    const received: unknown[] = [];
    computeKey((value) => received.push(value), message, handler);
    expect(received).toEqual([message]);
    expect(received[0]).toBe(message);
  });

  it.each([["text"], [0], [NaN], [null], [undefined], [""], [{ key: 1 }], [Symbol.iterator]])(
    "returns the result of keyOf unchanged: %o",
    (key) => {
      expect(computeKey(() => key, "message", handler)).toBe(key);
      expect(errors).toEqual([]);
    },
  );

  it("returns undefined if keyOf throws, and reports the error with its cause", () => {
    const cause = new TypeError("no symbol");
    const keyOf = (): never => {
      throw cause;
    };
    expect(computeKey(keyOf, "message", handler)).toBeUndefined();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(JetSocketError);
    expect(errors[0]).toMatchObject({
      code: "BUFFER_FUNCTION_FAILED",
      message: "buffer.keyOf threw an error. The message is queued without a key.",
    });
    expect(errors[0]!.cause).toBe(cause);
  });

  it("reports a thrown value that is no Error as the cause", () => {
    const keyOf = (): never => {
      throw "text" as unknown as Error;
    };
    expect(computeKey(keyOf, "message", handler)).toBeUndefined();
    expect(errors[0]).toHaveProperty("cause", "text");
  });
});
