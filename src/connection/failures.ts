import { CloseCode, ProtocolError } from "../../protocol/index.js";
import { BufferOverflowError, TimeoutError } from "../errors.js";

/** RFC 6455 7.4.1: 1008 is for a peer that breaks a policy of ours. */
export function messageStalled(timeout: number): ProtocolError {
  return new ProtocolError(
    `A message that had begun made less than 1 KiB of progress in ${timeout} ms. ` +
      `Raise messageTimeout if the peer is that slow.`,
    { code: "MESSAGE_STALLED", closeCode: CloseCode.policyViolation },
  );
}

/** The consumer asked for an end rather than for losses. */
export function inboxOverflow(capacity: number): ProtocolError {
  return new ProtocolError(
    `More than ${capacity} received messages waited to be read, and buffer.overflow is "error". ` +
      `Read faster, raise buffer.capacity, or choose another overflow.`,
    { code: "INBOX_OVERFLOW", closeCode: CloseCode.policyViolation },
  );
}

/** @param isPeerDone - The peer's Close has come, or we have failed the connection: only ours was to be written. */
export function closingTimedOut(timeoutMs: number, isPeerDone: boolean): TimeoutError {
  const what = isPeerDone ? "The peer did not take our Close" : "The peer did not answer our Close";
  const message = `${what} in the ${timeoutMs} ms of closeTimeout. Raise it if the peer is that slow.`;
  return new TimeoutError(message, { operation: "close", timeoutMs });
}

export function forgottenPing(): BufferOverflowError {
  return new BufferOverflowError(
    "A ping was forgotten: too many newer ones are out. Await ping(), or give it a timeout, before the next one.",
  );
}
