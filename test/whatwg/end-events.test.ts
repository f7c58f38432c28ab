import { expect, it } from "vitest";
import { CloseError, JetSocketError } from "../../src/index.js";
import { endEvents } from "../../src/whatwg/end-events.js";
import { makeReport } from "../support/reports.js";

const error = new JetSocketError("lost", { code: "CONNECTION_LOST" });
const closed = { codeReceived: 4000, reasonReceived: "bye", wasClean: true };

it.each([
  ["a clean end", closed, undefined, undefined, [4000, "bye", true]],
  [
    "a Close frame without an answer",
    { ...closed, wasClean: false },
    undefined,
    undefined,
    [4000, "bye", false],
  ],
  ["no Close frame", { codeReceived: undefined, wasClean: false }, undefined, undefined, [1006, "", false]],
  ["an error", { ...closed, error }, undefined, "lost", [1006, "", false]],
  ["a failure of this package", closed, error, "lost", [1006, "", false]],
] as const)("after %s", (_, given, failure, message, expected) => {
  const { error: event, close } = endEvents(makeReport(given), failure);
  expect((event as { readonly message?: string } | undefined)?.message).toBe(message);
  expect([close.code, close.reason, close.wasClean]).toEqual(expected);
});

it("after close() before the connection is open", () => {
  const given = { phase: "http", codeReceived: undefined, wasClean: false } as const;
  const { error: event, close } = endEvents(makeReport(given), undefined);
  expect((event as unknown as { readonly error: unknown }).error).toBeInstanceOf(CloseError);
  expect(close.code).toBe(1006);
});
