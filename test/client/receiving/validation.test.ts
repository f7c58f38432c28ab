import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { isSchemaFailure, validating as validatingIn } from "../../../src/client/receiving/validation.js";
import { JetSocketError, ValidationError } from "../../../src/errors.js";
import { issue, schemaOf, tradeSchema } from "../../support/schemas.js";

const parse = (data: string | Buffer): unknown => JSON.parse(String(data));

function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

type Validating = typeof validatingIn;

const validating = (deserializer: Parameters<Validating>[0], schema: Parameters<Validating>[1]) =>
  validatingIn(deserializer, schema, "strict");

const broken = (): never => {
  throw new Error("broken");
};

describe("validating()", () => {
  it("returns the deserializer itself without a schema", () => {
    expect(validating(parse, undefined)).toBe(parse);
  });

  it("returns the value that the schema returns", () => {
    expect(validating(parse, tradeSchema)('{"price":1,"more":2}', false)).toEqual({ price: 1 });
  });

  it("accepts `undefined` as a valid value", () => {
    expect(
      validating(
        parse,
        schemaOf(() => ({ value: undefined })),
      )("1", false),
    ).toBeUndefined();
  });

  it("throws the error of the deserializer unchanged", () => {
    expect(errorOf(() => validating(parse, tradeSchema)("{", false))).toBeInstanceOf(SyntaxError);
  });

  it("throws a ValidationError with the issues, whose message contains no part of the message", () => {
    const error = errorOf(() =>
      validating(parse, tradeSchema)('{"price":"secret"}', false),
    ) as ValidationError;
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toBeInstanceOf(JetSocketError);
    expect([error.code, error.issues]).toEqual(["VALIDATION_FAILED", [issue]]);
    expect(error.message).toBe(
      "A received message was dropped, because it does not match the option schema (issues: 1). " +
        "The property issues of this error lists them.",
    );
    expect(Object.keys(error)).not.toContain("issues");
  });

  it("creates no error per message in the lenient mode, because nobody reads it", () => {
    const check = validatingIn(parse, tradeSchema, "lenient");
    const [one, two] = ["1", "2"].map((text) => errorOf(() => check(text, false)) as ValidationError);
    expect([one?.code, isSchemaFailure(one)]).toEqual(["VALIDATION_FAILED", true]);
    expect(two).toBe(one);
    const failing = validatingIn(
      parse,
      schemaOf(() => null),
      "lenient",
    );
    expect(errorOf(() => failing("1", false))).toMatchObject({ code: "SCHEMA_FUNCTION_FAILED" });
  });

  it("treats an empty array of issues as a failure", () => {
    const error = errorOf(() =>
      validating(
        parse,
        schemaOf(() => ({ issues: [] })),
      )("1", false),
    );
    expect(error).toMatchObject({ code: "VALIDATION_FAILED" });
  });

  it.each([
    ["undefined", undefined],
    ["null", null],
    ["true", true],
    ["an object without a value", {}],
    ["issues that are no array", { issues: "bad" }],
    ["a value with issues that are no array", { value: 1, issues: null }],
  ])("names the option if `validate` returns %s", (_, result) => {
    const error = errorOf(() =>
      validating(
        parse,
        schemaOf(() => result),
      )("1", false),
    ) as ValidationError;
    expect([error.code, error.issues]).toEqual(["SCHEMA_FUNCTION_FAILED", []]);
    expect(error.message).toBe(
      "The option schema failed on a received message, which was dropped: its function validate returned no result.",
    );
  });

  it("has the error that `validate` throws as its cause", () => {
    const cause = new Error("broken");
    const schema = schemaOf(() => {
      throw cause;
    });
    const error = errorOf(() => validating(parse, schema)("1", false)) as ValidationError;
    expect([error.code, error.cause]).toEqual(["SCHEMA_FUNCTION_FAILED", cause]);
    expect(error.message).toContain("The option schema failed");
  });

  it.each([
    ["resolves", () => Promise.resolve({ value: 1 })],
    ["rejects", () => Promise.reject(new Error("late"))],
    ["rejects in another realm", () => runInNewContext("Promise.reject(new Error('late'))") as unknown],
    [
      "rejects and whose method catch throws",
      () => Object.assign(Promise.reject(new Error("late")), { catch: broken }),
    ],
    ["is only thenable, and throws", () => ({ then: broken })],
  ])("fails for a promise that %s, and handles its rejection", async (_, validate) => {
    const error = errorOf(() => validating(parse, schemaOf(validate))("1", false)) as ValidationError;
    expect(error.code).toBe("SCHEMA_FUNCTION_FAILED");
    expect(error.message).toContain("returned a promise. Use a schema without async checks");
    // Vitest fails the run for an unhandled rejection, which Node reports after this turn.
    await new Promise(setImmediate);
  });

  it.each([
    ["value", Object.defineProperty({}, "value", { get: broken })],
    ["issues", Object.defineProperty({}, "issues", { get: broken })],
    ["every property", new Proxy({}, { has: broken })],
    ["an issue", { issues: new Proxy([], { get: broken }) }],
  ])("names the option if reading %s of the result throws", (_, result) => {
    const schema = schemaOf(() => result);
    const error = errorOf(() => validating(parse, schema)("1", false)) as ValidationError;
    expect([error.code, (error.cause as Error).message]).toEqual(["SCHEMA_FUNCTION_FAILED", "broken"]);
    expect(isSchemaFailure(error)).toBe(true);
  });

  it("does not take a ValidationError of the deserializer for one of the schema", () => {
    const own = new ValidationError("own", { code: "OWN", issues: [] });
    const deserialize = (): never => {
      throw own;
    };
    expect(errorOf(() => validating(deserialize, tradeSchema)("1", false))).toBe(own);
    expect(isSchemaFailure(own)).toBe(false);
  });

  it("calls `validate` as a method of the schema", () => {
    const standard = {
      version: 1,
      vendor: "test",
      extra: 5,
      validate(this: { extra: number }) {
        return { value: this.extra };
      },
    } as const;
    expect(validating(parse, { "~standard": standard })("1", false)).toBe(5);
  });
});
