// Adds a message to the errors of Node that have no message. It does not classify errors.
import { toError } from "../runtime/to-error.js";

/** Most errors whose messages are shown. */
const maxShown = 8;

function isAggregate(error: Error): error is AggregateError & { readonly code?: string } {
  return "errors" in error && Array.isArray(error.errors);
}

/**
 * Node's error for several failed addresses has an empty message. Returns an error with the joined messages of all
 * addresses, and with the same `errors` and `code`.
 */
export function withMessage(error: Error): Error {
  if (error.message !== "" || !isAggregate(error)) return error;
  const shown = error.errors.slice(0, maxShown).map((each) => toError(each, "An attempt").message);
  const rest = error.errors.length - shown.length;
  const message = [...shown, ...(rest > 0 ? [`and ${rest} other errors`] : [])].join("; ");
  return Object.assign(new AggregateError(error.errors, message), { code: error.code });
}
