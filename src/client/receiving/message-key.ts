// Calls the option `buffer.keyOf` for a message.
import { JetSocketError } from "../../errors.js";

/** @returns the key; `undefined` if `keyOf` throws. The error is reported to `handler`. */
export function computeKey<Received>(
  keyOf: (message: Received) => unknown,
  value: Received,
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
