import { CloseCode, ProtocolError } from "../../protocol/index.js";
import { BufferOverflowError, JetSocketError, TimeoutError } from "../errors.js";

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

export function droppedPing(): BufferOverflowError {
  return new BufferOverflowError(
    "A ping was forgotten: too many newer ones are out. Await ping(), or give it a timeout, before the next one.",
  );
}

/** Neither a byte nor progress of a write came in time behind a ping. */
export function heartbeatTimedOut(timeoutMs: number): TimeoutError {
  const message = `The peer gave no sign of life in the ${timeoutMs} ms of heartbeat.timeout behind a ping.`;
  return new TimeoutError(message, { operation: "heartbeat", timeoutMs });
}

/** This end does not read because its consumer is slow, and the peer does not read what this end writes. */
export function mutualStall(timeout: number): JetSocketError {
  return new JetSocketError(
    `Both ends have waited for each other for ${timeout} ms (heartbeat.timeout): what was received is not consumed, and ` +
      `the peer takes nothing of what is sent. Consume messages without awaiting send(), or raise buffer.`,
    { code: "MUTUAL_STALL" },
  );
}

export function tooManyPings(): BufferOverflowError {
  return new BufferOverflowError(
    "A ping was refused: more than maxBufferedAmount waits to be sent. Await ping(), or give it a timeout, before the next one.",
  );
}
