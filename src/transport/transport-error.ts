// Adds a message to the errors of Node that have no message. It does not classify errors.
import { toError } from "../runtime/to-error.js";

function isAggregate(error: Error): error is AggregateError & { readonly code?: string } {
  return "errors" in error && Array.isArray(error.errors);
}

/**
 * Node's error for several failed addresses has an empty message. Returns an error with the joined messages of all
 * addresses, and with the same `errors` and `code`.
 */
export function withMessage(error: Error): Error {
  if (error.message !== "" || !isAggregate(error)) return error;
  const message = error.errors.map((each) => toError(each, "An attempt").message).join("; ");
  return Object.assign(new AggregateError(error.errors, message), { code: error.code });
}
