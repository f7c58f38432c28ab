import { expect, it } from "vitest";
import { toCloseArguments } from "../../src/whatwg/close-arguments.js";

it.each([
  [undefined, undefined, null, ""],
  [undefined, "", null, ""],
  [undefined, "bye", 1000, "bye"],
  [1000, undefined, 1000, ""],
  ["3000", "bye", 3000, "bye"],
  [4999, "x".repeat(123), 4999, "x".repeat(123)],
  [3000, 5, 3000, "5"],
])("close(%j, %j) has the code %j and the reason %j", (code, reason, expectedCode, expectedReason) => {
  expect(toCloseArguments(code, reason)).toEqual({ code: expectedCode, reason: expectedReason });
});

it.each([
  [null, undefined, "InvalidAccessError"],
  [999, undefined, "InvalidAccessError"],
  [1001, undefined, "InvalidAccessError"],
  [5000, "x".repeat(124), "InvalidAccessError"],
  [1000, "x".repeat(124), "SyntaxError"],
  [undefined, "é".repeat(62), "SyntaxError"],
])("close(%j, %j) throws %s", (code, reason, name) => {
  expect(() => toCloseArguments(code, reason)).toThrow(expect.objectContaining({ name }) as Error);
});
