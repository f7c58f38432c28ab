// Applies the option `schema` to decoded messages. It does not report messages that do not match.
import { ValidationError } from "../../errors.js";
import type { Deserializer, StandardSchema } from "../../options/options.js";

/** Returns a deserializer that throws a {@link ValidationError} for a message that does not match. */
export function validating(
  deserializer: Deserializer<unknown>,
  schema: StandardSchema<unknown> | undefined,
): Deserializer<unknown> {
  if (schema === undefined) return deserializer;
  return (data, isBinary) => validated(schema, deserializer(data, isBinary));
}

function validated(schema: StandardSchema<unknown>, value: unknown): unknown {
  let result: unknown;
  try {
    result = schema["~standard"].validate(value);
  } catch (cause) {
    throw failure("threw an error", cause);
  }
  if (typeof result !== "object" || result === null) throw failure("returned no result");
  if ("then" in result) {
    // Nobody else handles a rejection.
    if (result instanceof Promise) result.catch(() => undefined);
    throw failure("returned a promise. Use a schema without async checks");
  }
  const issues: unknown = "issues" in result ? result.issues : undefined;
  if (issues === undefined && "value" in result) return result.value;
  if (!Array.isArray(issues)) throw failure("returned no result");
  const message =
    `A received message was dropped, because it does not match the option schema (issues: ${issues.length}). ` +
    "The property issues of this error lists them.";
  throw new ValidationError(message, { code: "VALIDATION_FAILED", issues });
}

function failure(what: string, cause?: unknown): ValidationError {
  const message = `The option schema failed on a received message, which was dropped: its function validate ${what}.`;
  return new ValidationError(message, { code: "SCHEMA_FUNCTION_FAILED", cause, issues: [] });
}
