// Converts what application code threw into an Error. It does not report it.
import { nodeUtil } from "./node-modules.js";

/** Returns `reason`, or an `Error` that wraps it if application code threw or rejected with another value. */
export function toError(reason: unknown, what: string): Error {
  // Both checks are needed: `instanceof` misses errors of another realm (test runners), `isNativeError` a DOMException.
  if (reason instanceof Error || nodeUtil().types.isNativeError(reason)) return reason;
  return new Error(`${what} failed with ${nodeUtil().inspect(reason, { depth: 0 })}`, { cause: reason });
}
