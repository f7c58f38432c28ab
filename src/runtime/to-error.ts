// Converts a thrown value into an `Error`. This module does not report the error.
import { nodeUtil } from "./node-modules.js";

/**
 * Returns `reason` if it is an error. Otherwise returns an `Error` that wraps it, because application code may throw
 * any value.
 */
export function toError(reason: unknown, what: string): Error {
  // Both checks are needed. `instanceof` misses errors of another realm, for example in test runners. `isNativeError`
  // misses a DOMException.
  if (reason instanceof Error || nodeUtil().types.isNativeError(reason)) return reason;
  return new Error(`${what} failed with ${nodeUtil().inspect(reason, { depth: 0 })}`, { cause: reason });
}
