// Normalizes errors of transports. It does not classify them.
import { nodeUtil } from "../runtime/node-modules.js";

interface NodeAggregateError extends AggregateError {
  readonly code?: string;
}

function isAggregate(error: Error): error is NodeAggregateError {
  return "errors" in error && Array.isArray(error.errors);
}

/** Returns `reason`, or an `Error` that wraps it if application code threw or rejected with another value. */
export function toError(reason: unknown, what: string): Error {
  // Both checks are needed: `instanceof` misses errors of another realm (test runners), `isNativeError` a DOMException.
  if (reason instanceof Error || nodeUtil().types.isNativeError(reason)) return reason;
  return new Error(`${what} failed with ${nodeUtil().inspect(reason, { depth: 0 })}`, { cause: reason });
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
