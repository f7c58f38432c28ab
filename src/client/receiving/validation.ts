// Applies the option `schema` to decoded messages. It does not report messages that do not match.
import { ValidationError } from "../../errors.js";
import type { Deserializer, SchemaIssue, StandardSchema } from "../../options/options.js";

/**
 * Returns a deserializer that throws a {@link ValidationError} for a message that does not match.
 * @param mode - With `"lenient"`, nobody reads the error of such a message. Then all messages have the same error, because
 *   the creation of an error takes more time than the check.
 */
export function validating(
  deserializer: Deserializer<unknown>,
  schema: StandardSchema<unknown> | undefined,
  mode: "strict" | "lenient",
): Deserializer<unknown> {
  if (schema === undefined) return deserializer;
  const shared = mode === "lenient" ? mismatch([]) : undefined;
  return (data, isBinary) => validated(schema, deserializer(data, isBinary), shared);
}

/** The errors that this module has thrown. A deserializer may throw a ValidationError of its own. */
const failures = new WeakSet<object>();

/** @returns `true` if the message does not match the schema, or the schema failed; `false` for other errors. */
export function isSchemaFailure(thrown: unknown): thrown is ValidationError {
  return failures.has(thrown as object);
}

function validated(
  schema: StandardSchema<unknown>,
  value: unknown,
  shared: ValidationError | undefined,
): unknown {
  try {
    const result: unknown = schema["~standard"].validate(value);
    let issues: unknown;
    if (typeof result === "object" && result !== null) {
      if ("then" in result) throw promiseFailure(result);
      issues = "issues" in result ? result.issues : undefined;
      if (issues === undefined && "value" in result) return result.value;
    }
    if (!Array.isArray(issues)) throw failure("returned no result");
    throw shared ?? mismatch(issues);
  } catch (thrown) {
    // A property of the result may throw as well.
    throw isSchemaFailure(thrown) ? thrown : failure("threw an error", thrown);
  }
}

function mismatch(issues: readonly SchemaIssue[]): ValidationError {
  const message =
    `A received message was dropped, because it does not match the option schema (issues: ${issues.length}). ` +
    "The property issues of this error lists them.";
  return noted(new ValidationError(message, { code: "VALIDATION_FAILED", issues }));
}

function promiseFailure(promise: object): ValidationError {
  // Nobody else handles a rejection. The promise may be of another realm, and its methods may be replaced.
  new Promise((resolve) => {
    resolve(promise);
  }).catch(() => undefined);
  return failure("returned a promise. Use a schema without async checks");
}

function failure(what: string, cause?: unknown): ValidationError {
  const message = `The option schema failed on a received message, which was dropped: its function validate ${what}.`;
  return noted(new ValidationError(message, { code: "SCHEMA_FUNCTION_FAILED", cause, issues: [] }));
}

function noted(error: ValidationError): ValidationError {
  failures.add(error);
  return error;
}
