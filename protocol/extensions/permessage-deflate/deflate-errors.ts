import { CloseCode } from "../../close-codes.js";
import { ProtocolError } from "../../errors.js";

/** RFC 6455 7.4.1: 1007 is for data that is not what the type of its message says. */
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

export function tooManyFinalBlocks(): ProtocolError {
  return tooBig(
    "The peer sent a compressed message with so many final blocks that to inflate it takes too long.",
  );
}

/** What a codec lets out: zlib's own complaint becomes the cause. */
export function asProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  return invalidDeflateData((error as Error).message, error);
}

function tooBig(message: string): ProtocolError {
  return new ProtocolError(message, { code: "MESSAGE_TOO_BIG", closeCode: CloseCode.messageTooBig });
}
