import { inspect } from "node:util";
import { expect, it } from "vitest";
import { ChannelError, RequestError } from "../../src/channels/index.js";
import { JetSocketError } from "../../src/index.js";

it.each([
  ["ChannelError", ChannelError, RequestError],
  ["RequestError", RequestError, ChannelError],
])("%s has its name, and instanceof recognizes its brand", (name, type, other) => {
  const error = new type("it failed", { code: "PROBE", cause: "a cause" });
  expect([error.name, error.code, error.message, error.cause]).toEqual([
    name,
    "PROBE",
    "it failed",
    "a cause",
  ]);
  expect([error instanceof type, error instanceof JetSocketError, error instanceof Error]).toEqual([
    true,
    true,
    true,
  ]);
  expect(error instanceof other).toBe(false);
  expect(inspect(error)).toContain(`${name}: it failed`);
  // Another copy of the package has another class with the same brand.
  expect(Object.assign(new Error("copy"), { [type.brand]: true }) instanceof type).toBe(true);
});

it("the name of the channel and the reason are properties", () => {
  const error = new ChannelError("it failed", { code: "REFUSED", channel: "a", reason: { status: 5 } });
  expect([error.channel, error.reason, "cause" in error]).toEqual(["a", { status: 5 }, false]);
});
