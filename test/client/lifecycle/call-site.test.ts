import { expect, it } from "vitest";
import { CallSite } from "../../../src/client/lifecycle/call-site.js";
import { JetSocketError } from "../../../src/errors.js";

function api(): CallSite {
  return new CallSite("connect");
}

function user(): CallSite {
  return api();
}

const failure = (): JetSocketError => new JetSocketError("It failed.", { code: "TEST", cause: "why" });

it("appends the frames of the caller to the stack, and changes nothing else", () => {
  const error = failure();
  const { stack } = error;
  const keys = Object.keys(error);
  user().appendTo(error);
  expect(error.stack?.startsWith(`${stack}\n    connect() was called:\n    at api (`)).toBe(true);
  expect(error.stack).toMatch(/at api \(.*\n +at user \(/);
  expect([error.message, error.code, error.cause, Object.keys(error)]).toEqual([
    "It failed.",
    "TEST",
    "why",
    keys,
  ]);
});

it("appends one section for each call, also for run()", () => {
  const error = failure();
  const run = (): CallSite => new CallSite("run");
  run().appendTo(error);
  user().appendTo(error);
  expect(error.stack?.match(/\w+\(\) was called:/g)).toEqual(["run() was called:", "connect() was called:"]);
});

it("appends the advice unless the message already contains it", () => {
  const report = { verdict: "auth", advice: "Check the token.", isRetryable: false, phase: "http", url: "" };
  const error = Object.assign(failure(), { report });
  user().appendTo(error);
  user().appendTo(error);
  expect(error.stack?.match(/Advice: Check the token\./g)).toHaveLength(1);
  const withAdvice = Object.assign(new JetSocketError("Check the token.", { code: "TEST" }), { report });
  user().appendTo(withAdvice);
  expect(withAdvice.stack).not.toContain("Advice:");
});

it.each([new Error("of the user"), "text", undefined, null, Object.freeze(failure())])(
  "does not change %s",
  (reason) => {
    const stack = reason instanceof Error ? reason.stack : undefined;
    user().appendTo(reason);
    expect(reason instanceof Error ? reason.stack : undefined).toBe(stack);
  },
);

it("appends no frames if no stack was captured", () => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const site = user();
  Error.stackTraceLimit = limit;
  const error = failure();
  site.appendTo(error);
  expect(error.stack?.endsWith("connect() was called:")).toBe(true);
});
