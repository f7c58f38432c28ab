// Calls the option `buffer.keyOf` for a message. It does not compare keys.
import { JetSocketError } from "../../errors.js";

/** Returns the key of a message. If `keyOf` throws, the error is reported and the result is `undefined`. */
export function computeKey(
  keyOf: (message: unknown) => unknown,
  value: unknown,
  handler: { onError(error: Error): void },
): unknown {
  try {
    return keyOf(value);
  } catch (cause) {
    const message = "buffer.keyOf threw an error. The message is queued without a key.";
    handler.onError(new JetSocketError(message, { code: "BUFFER_FUNCTION_FAILED", cause }));
    return undefined;
  }
}
