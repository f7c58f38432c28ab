// Adds a message to the errors of Node that have none. It does not classify them.
import { toError } from "../runtime/to-error.js";

interface NodeAggregateError extends AggregateError {
  readonly code?: string;
}

function isAggregate(error: Error): error is NodeAggregateError {
  return "errors" in error && Array.isArray(error.errors);
}

/**
 * Node's error for several failed addresses has an empty message. Returns an error that joins their messages and keeps
 * `errors` and `code`.
 */
export function withMessage(error: Error): Error {
  if (error.message !== "" || !isAggregate(error)) return error;
  const message = error.errors.map((each) => toError(each, "An attempt").message).join("; ");
  return Object.assign(new AggregateError(error.errors, message), { code: error.code });
}
