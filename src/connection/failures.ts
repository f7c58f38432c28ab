// Creates the errors of an open connection. It does not decide what happens to the connection.
import { CloseCode, ProtocolError } from "../../protocol/index.js";
import { BufferOverflowError, JetSocketError, TimeoutError } from "../errors.js";

/** RFC 6455 7.4.1: close code 1008 means that the peer violated a policy of this endpoint. */
export function messageStalled(timeout: number): ProtocolError {
  return new ProtocolError(
    `The peer started a message and then sent less than 1 KiB of it in ${timeout} ms. ` +
      `Raise messageTimeout if the peer is that slow.`,
    { code: "MESSAGE_STALLED", closeCode: CloseCode.policyViolation },
  );
}

/** RFC 6455 7.4.1: 1008 is the code for a violated policy of this endpoint. */
export function tooManyControlFrames(perSecond: number): ProtocolError {
  return new ProtocolError(
    `The peer sends more than ${perSecond} pings and pongs per second. ` +
      `Raise maxControlRate if this rate is expected.`,
    { code: "TOO_MANY_CONTROL_FRAMES", closeCode: CloseCode.policyViolation },
  );
}

/**
 * The inbox is full and `buffer.overflow` is `"error"`. The connection fails, because messages would be lost otherwise.
 */
export function inboxOverflow(capacity: number): ProtocolError {
  return new ProtocolError(
    `More than ${capacity} received messages are buffered, and buffer.overflow is "error". ` +
      `Read faster, raise buffer.capacity, or choose another overflow.`,
    { code: "INBOX_OVERFLOW", closeCode: CloseCode.policyViolation },
  );
}

/** @param isPeerDone - True if the peer's Close frame has arrived, or if we failed the connection. */
export function closingTimedOut(timeoutMs: number, isPeerDone: boolean): TimeoutError {
  const what = isPeerDone ? "The peer did not read our Close" : "The peer did not answer our Close";
  const message = `${what} in the ${timeoutMs} ms of closeTimeout. Raise it if the peer is that slow.`;
  return new TimeoutError(message, { operation: "close", timeoutMs });
}

/** @param isShared - True if several pings share the error. Some of these pings were not sent. */
export function droppedPing(isShared: boolean): BufferOverflowError {
  const cause = isShared
    ? "Pings were dropped or refused: 64 other pings are unanswered."
    : "A ping was dropped: 64 newer pings are unanswered.";
  return new BufferOverflowError(`${cause} Await ping(), or pass it a timeout, before the next one.`);
}

/** The heartbeat failed: after a ping, no byte arrived and no blocked write made progress within the timeout. */
export function heartbeatTimedOut(timeoutMs: number): TimeoutError {
  const message = `The peer showed no activity in the ${timeoutMs} ms of heartbeat.timeout after a ping.`;
  return new TimeoutError(message, { operation: "heartbeat", timeoutMs });
}

/** Both sides wait: we do not read because our consumer is slow, and the peer does not read what we write. */
export function mutualStall(timeout: number): JetSocketError {
  return new JetSocketError(
    `Both ends have waited for each other for ${timeout} ms (heartbeat.timeout): received messages are not consumed, ` +
      `and the peer does not read what is sent. Consume messages without awaiting send(), or raise buffer.`,
    { code: "MUTUAL_STALL" },
  );
}

/** @param isShared - True if several refused calls share the error. */
export function tooManyPings(isShared: boolean): BufferOverflowError {
  return new BufferOverflowError(
    `${isShared ? "Pings were" : "A ping was"} refused: more bytes than maxBufferedAmount wait to be sent. ` +
      "Await ping(), or pass it a timeout, before the next one.",
  );
}
