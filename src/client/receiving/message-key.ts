import { JetSocketError } from "../../errors.js";

/** Calls the user's `buffer.keyOf`; where it throws, that is told, and the message has no key. */
export function computeKey<Received>(
  keyOf: (message: Received) => unknown,
  value: Received,
  handler: { onError(error: Error): void },
): unknown {
  try {
    return keyOf(value);
  } catch (cause) {
    const message = "buffer.keyOf has thrown: this message has no key.";
    handler.onError(new JetSocketError(message, { code: "BUFFER_FUNCTION_FAILED", cause }));
    return undefined;
  }
}
