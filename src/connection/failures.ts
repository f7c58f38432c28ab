// Creates the errors of an open connection. It does not decide what happens to the connection.
import { CloseCode, ProtocolError } from "../../protocol/index.js";
import { BufferOverflowError, JetSocketError, TimeoutError } from "../errors.js";

const pingAdvice = "Await ping(), or pass it a timeout, before the next one.";

/** RFC 6455 7.4.1: close code 1008 means that the peer violated a policy of this endpoint. */
function violation(code: string, message: string): ProtocolError {
  return new ProtocolError(message, { code, closeCode: CloseCode.policyViolation });
}

export function messageStalled(timeout: number): ProtocolError {
  return violation(
    "MESSAGE_STALLED",
    `The peer sent less than 1 KiB of a message in the ${timeout} ms of messageTimeout.`,
  );
}

export function tooManyControlFrames(perSecond: number): ProtocolError {
  return violation(
    "TOO_MANY_CONTROL_FRAMES",
    `The peer sends more pings and pongs than the ${perSecond} per second of maxControlRate.`,
  );
}

/**
 * The inbox is full and `buffer.overflow` is `"error"`. The connection fails, because messages would be lost otherwise.
 */
export function inboxOverflow(capacity: number): ProtocolError {
  return violation(
    "INBOX_OVERFLOW",
    `More than ${capacity} received messages are buffered. Read faster, or set buffer.capacity or buffer.overflow.`,
  );
}

/** @param isPeerDone - True if the peer's Close frame has arrived, or if we failed the connection. */
export function closingTimedOut(timeoutMs: number, isPeerDone: boolean): TimeoutError {
  const action = isPeerDone ? "read" : "answer";
  const message = `The peer did not ${action} our Close in the ${timeoutMs} ms of closeTimeout.`;
  return new TimeoutError(message, { operation: "close", timeoutMs });
}

/** Several pings may share the error. Some of these pings were not sent. */
export function droppedPing(): BufferOverflowError {
  return new BufferOverflowError(`A ping was dropped: 64 other pings are unanswered. ${pingAdvice}`);
}

/** The heartbeat failed: after a ping, no byte arrived and no blocked write made progress within the timeout. */
export function heartbeatTimedOut(timeoutMs: number): TimeoutError {
  const message = `The peer showed no activity in the ${timeoutMs} ms of heartbeat.timeout after a ping.`;
  return new TimeoutError(message, { operation: "heartbeat", timeoutMs });
}

/** Both sides wait: we do not read because our consumer is slow, and the peer does not read what we write. */
export function mutualStall(timeout: number): JetSocketError {
  return new JetSocketError(
    `Both ends have waited for each other for ${timeout} ms (heartbeat.timeout): neither reads. ` +
      `Consume messages without awaiting send(), or raise buffer.`,
    { code: "MUTUAL_STALL" },
  );
}

export function tooManyPings(): BufferOverflowError {
  return new BufferOverflowError(
    `A ping was refused: more bytes than maxBufferedAmount wait to be sent. ${pingAdvice}`,
  );
}
