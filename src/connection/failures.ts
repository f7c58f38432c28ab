import { CloseCode, ProtocolError } from "../../protocol/index.js";

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
