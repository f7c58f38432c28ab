import { describe, expect, it } from "vitest";
import { MessageMarks } from "../../src/buffer/message-marks.js";
import type { OutboxPolicy } from "../../src/buffer/outbox-policy.js";
import type { JetSocketError } from "../../src/errors.js";

type Asked = Pick<OutboxPolicy<unknown, unknown>, "keyOf" | "acknowledgement">;

function marksOf(asked: Partial<Asked>): { marks: MessageMarks<unknown, unknown>; errors: JetSocketError[] } {
  const errors: JetSocketError[] = [];
  const bounds = {
    capacity: 1,
    maxBytes: 1,
    ttl: undefined,
    overflow: "error",
    perSecond: undefined,
  } as const;
  const policy = { ...bounds, keyOf: undefined, acknowledgement: undefined, ...asked };
  return { marks: new MessageMarks(policy, (error) => errors.push(error)), errors };
}

/** Functions that give back what they are asked about. */
const echo = (value: unknown): never => value as never;
const echoes: Asked = { keyOf: echo, acknowledgement: { idOf: echo, acknowledges: echo } };

const thrown = new RangeError("not today");
const fault = (): never => {
  throw thrown;
};

describe("MessageMarks", () => {
  it("knows nothing of a message where nobody can be asked", () => {
    const { marks, errors } = marksOf({});
    expect([marks.idOf("a"), marks.keyOf("a"), marks.acknowledgedBy("a"), errors]).toEqual([
      undefined,
      undefined,
      [],
      [],
    ]);
  });

  it.each(["a", "", 0, 7, -1.5, 10n])("takes %o as an id", (id) => {
    const { marks, errors } = marksOf(echoes);
    expect([marks.idOf(id), errors]).toEqual([id, []]);
  });

  it.each([undefined, null])("takes %o as no id, no key and no acknowledgement", (value) => {
    const { marks, errors } = marksOf(echoes);
    expect([marks.idOf(value), marks.keyOf(value), marks.acknowledgedBy(value), errors]).toEqual([
      undefined,
      undefined,
      [],
      [],
    ]);
  });

  it.each([
    ["an object", {}, "object"],
    ["a promise", Promise.resolve("a"), "object"],
    ["true", true, "boolean"],
    ["a symbol", Symbol("a"), "symbol"],
  ])("takes %s for no id, and says so", (_, value, type) => {
    const { marks, errors } = marksOf(echoes);
    expect(marks.idOf(value)).toBeUndefined();
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      [
        "OUTBOX_FUNCTION_FAILED",
        `outbox.idOf must give a string, a number or a bigint, not a ${type}: this message is sent at most once.`,
      ],
    ]);
  });

  it.each(["a", 0, false, thrown])("takes %o as a key", (key) => {
    expect(marksOf(echoes).marks.keyOf(key)).toBe(key);
  });

  it("takes one id or many as an acknowledgement, and lets through what is none", () => {
    const { marks, errors } = marksOf(echoes);
    expect(marks.acknowledgedBy("a")).toEqual(["a"]);
    expect(marks.acknowledgedBy(["a", 2])).toEqual(["a", 2]);
    expect(marks.acknowledgedBy(thrown)).toEqual([thrown]);
    expect(errors).toEqual([]);
  });

  it.each([
    ["idOf", "this message is sent at most once"],
    ["keyOf", "this message has no key"],
    ["acknowledges", "nothing is acknowledged"],
  ])("says what it means that %s has thrown", (name, consequence) => {
    const { marks, errors } = marksOf({
      keyOf: fault,
      acknowledgement: { idOf: fault, acknowledges: fault },
    });
    if (name === "idOf") expect(marks.idOf("a")).toBeUndefined();
    else if (name === "keyOf") expect(marks.keyOf("a")).toBeUndefined();
    else expect(marks.acknowledgedBy("a")).toEqual([]);
    expect(errors.map(({ message, cause }) => [message, cause])).toEqual([
      [`outbox.${name} has thrown: ${consequence}.`, thrown],
    ]);
  });

  it("says that an id is another's", () => {
    const { marks, errors } = marksOf(echoes);
    marks.observeTaken(7);
    expect(errors.map(({ message }) => message)).toEqual([
      "Another message of the id 7 is not acknowledged yet: this one is sent at most once.",
    ]);
  });
});
