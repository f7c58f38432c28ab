// The protocol errors for compressed messages that are invalid or too large.
import { CloseCode } from "../../close-codes.js";
import { ProtocolError } from "../../errors.js";

/** RFC 6455 7.4.1: 1007 means that the data is not consistent with the type of the message. */
export function invalidDeflateData(reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`The peer sent a compressed message that is not valid DEFLATE data: ${reason}.`, {
    code: "INVALID_DEFLATE_DATA",
    closeCode: CloseCode.invalidPayload,
    cause,
  });
}

export function inflatesTooBig(limit: number): ProtocolError {
  return tooBig(
    `The peer sent a compressed message of more than ${limit} bytes after decompression. ` +
      "Raise maxMessageSize if messages of this size are expected.",
  );
}

/** RFC 6455 7.4.1: 1008 is the generic code. 1009 does not fit, because a smaller message may be rejected, too. */
export function tooManyBlocks(wireSize: number, produced: number): ProtocolError {
  return new ProtocolError(
    `The peer sent a compressed message with too many empty or final blocks: its first ${wireSize} bytes contain only ` +
      `${produced} bytes of data. Fix the peer.`,
    { code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: CloseCode.policyViolation },
  );
}

/** A failure that a native handle of zlib reports. */
export class ZlibError extends Error {}

function tooBig(message: string): ProtocolError {
  return new ProtocolError(message, { code: "MESSAGE_TOO_BIG", closeCode: CloseCode.messageTooBig });
}
