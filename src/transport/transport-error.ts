import { nodeUtil } from "../runtime/node-modules.js";

interface NodeAggregateError extends AggregateError {
  readonly code?: string;
}

function isAggregate(error: Error): error is NodeAggregateError {
  return "errors" in error && Array.isArray(error.errors);
}

/** An `Error` for whatever a function of the user's has thrown or rejected with. */
export function toError(reason: unknown, what: string): Error {
  // Each misses some: `instanceof` the errors of another realm, as in some test runners, the other a DOMException.
  if (reason instanceof Error || nodeUtil().types.isNativeError(reason)) return reason;
  return new Error(`${what} failed with ${nodeUtil().inspect(reason, { depth: 0 })}`, { cause: reason });
}

/** Where Node tried several addresses its error has no message: this one has theirs, and keeps `errors` and `code`. */
export function withMessage(error: Error): Error {
  if (error.message !== "" || !isAggregate(error)) return error;
  const message = error.errors.map((each) => toError(each, "An attempt").message).join("; ");
  return Object.assign(new AggregateError(error.errors, message), { code: error.code });
}
