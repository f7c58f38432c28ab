import { describe, expect, it } from "vitest";
import { OutboxCallbacks } from "../../src/buffer/outbox-callbacks.js";
import type { OutboxPolicy } from "../../src/buffer/outbox-policy.js";
import type { JetSocketError } from "../../src/errors.js";

type Functions = Partial<Pick<OutboxPolicy<unknown, unknown>, "keyOf" | "idOf" | "acknowledges">>;

function callbacksOf(functions: Partial<Functions>): {
  callbacks: OutboxCallbacks<unknown, unknown>;
  errors: JetSocketError[];
} {
  const errors: JetSocketError[] = [];
  const bounds = {
    capacity: 1,
    maxBytes: 1,
    ttl: undefined,
    overflow: "error",
    perSecond: undefined,
  } as const;
  const policy = { ...bounds, keyOf: undefined, idOf: undefined, acknowledges: undefined, ...functions };
  return { callbacks: new OutboxCallbacks(policy, (error) => errors.push(error)), errors };
}

/** Functions that return their argument. */
const echo = (value: unknown): never => value as never;
const echoes: Functions = { keyOf: echo, idOf: echo, acknowledges: echo };

const thrown = new RangeError("not today");
const throwError = (): never => {
  throw thrown;
};

describe("OutboxCallbacks", () => {
  it("returns no id, no key and no acknowledgement if no function is set", () => {
    const { callbacks, errors } = callbacksOf({});
    expect([callbacks.idOf("a"), callbacks.keyOf("a"), callbacks.acknowledgedIds("a"), errors]).toEqual([
      undefined,
      undefined,
      [],
      [],
    ]);
  });

  it.each(["a", "", 0, 7, -1.5, 10n])("accepts %o as an id", (id) => {
    const { callbacks, errors } = callbacksOf(echoes);
    expect([callbacks.idOf(id), errors]).toEqual([id, []]);
  });

  it.each([undefined, null])("treats %o as no id, no key and no acknowledgement", (value) => {
    const { callbacks, errors } = callbacksOf(echoes);
    expect([callbacks.idOf(value), callbacks.keyOf(value), callbacks.acknowledgedIds(value), errors]).toEqual(
      [undefined, undefined, [], []],
    );
  });

  it.each([
    ["an object", {}, "object"],
    ["a promise", Promise.resolve("a"), "object"],
    ["true", true, "boolean"],
    ["a symbol", Symbol("a"), "symbol"],
  ])("rejects %s as an id and reports an error", (_, value, type) => {
    const { callbacks, errors } = callbacksOf(echoes);
    expect(callbacks.idOf(value)).toBeUndefined();
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      [
        "OUTBOX_FUNCTION_FAILED",
        `outbox.idOf must return a string, a number or a bigint, but returned ${type}: this message is sent at most once.`,
      ],
    ]);
  });

  it.each(["a", 0, false, thrown])("accepts %o as a key", (key) => {
    expect(callbacksOf(echoes).callbacks.keyOf(key)).toBe(key);
  });

  it("accepts one acknowledged id or several, without validation", () => {
    const { callbacks, errors } = callbacksOf(echoes);
    expect(callbacks.acknowledgedIds("a")).toEqual(["a"]);
    expect(callbacks.acknowledgedIds(["a", 2])).toEqual(["a", 2]);
    expect(callbacks.acknowledgedIds(thrown)).toEqual([thrown]);
    expect(errors).toEqual([]);
  });

  it.each([
    ["idOf", "this message is sent at most once"],
    ["keyOf", "this message has no key"],
    ["acknowledges", "nothing is acknowledged"],
  ])("reports the consequence when %s throws", (name, consequence) => {
    const { callbacks, errors } = callbacksOf({
      keyOf: throwError,
      idOf: throwError,
      acknowledges: throwError,
    });
    if (name === "idOf") expect(callbacks.idOf("a")).toBeUndefined();
    else if (name === "keyOf") expect(callbacks.keyOf("a")).toBeUndefined();
    else expect(callbacks.acknowledgedIds("a")).toEqual([]);
    expect(errors.map(({ message, cause }) => [message, cause])).toEqual([
      [`outbox.${name} threw an error: ${consequence}.`, thrown],
    ]);
  });

  it("reports an id that belongs to another message", () => {
    const { callbacks, errors } = callbacksOf(echoes);
    callbacks.reportDuplicateId(7);
    expect(errors.map(({ message }) => message)).toEqual([
      "Another message with the id 7 is not acknowledged yet: this message is sent at most once.",
    ]);
  });
});
