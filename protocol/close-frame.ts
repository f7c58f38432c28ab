import { CloseCode, isSendableCloseCode, maxCloseReasonSize } from "./close-codes.js";
import { ProtocolError } from "./errors.js";
import { decodeText } from "./text/utf8.js";

/** A Close frame: without a code its code is 1005. */
export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

/** Reads the payload of the peer's Close frame. */
export function readClose(payload: Buffer): CloseFrame | ProtocolError {
  if (payload.length === 0) return { code: CloseCode.noStatus, reason: "" };
  // RFC 6455 5.5.1: where there is a body, its first two bytes are the code.
  if (payload.length === 1) {
    return invalidClose("The peer sent a Close frame of one byte, which holds no whole close code.");
  }
  const code = payload.readUInt16BE(0);
  // RFC 6455 7.4: some codes never go on the wire.
  if (!isSendableCloseCode(code)) {
    return invalidClose(`The peer sent a Close frame with the code ${code}, which must not be on the wire.`);
  }
  const reason = decodeText(payload, 2, payload.length);
  if (reason !== undefined) return { code, reason };
  return new ProtocolError("The peer sent a close reason that is not valid UTF-8.", {
    code: "INVALID_UTF8",
    closeCode: CloseCode.invalidPayload,
  });
}

function invalidClose(message: string): ProtocolError {
  return new ProtocolError(message, { code: "INVALID_CLOSE", closeCode: CloseCode.protocolError });
}

/** The payload of a Close frame; empty for 1005, which is never on the wire. */
export function encodeClose({ code, reason }: CloseFrame): Buffer {
  if (code === CloseCode.noStatus) return Buffer.alloc(0);
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return payload;
}

/** @throws RangeError for a code that a Close frame may not carry. */
export function checkCloseCode(code: number): void {
  if (isSendableCloseCode(code)) return;
  throw new RangeError(
    `The close code ${String(code)} may not be sent: use 1000-1003, 1007-1014 or 3000-4999.`,
  );
}

/**
 * Checks that a Close frame can carry `code` and `reason`.
 * @throws RangeError for a code that may not be sent, or a reason of more than 123 bytes; TypeError for a reason that is
 *   not a string.
 */
export function checkClose(code: number, reason: string): void {
  checkCloseCode(code);
  // `Buffer.byteLength` accepts bytes too, which cannot be written as text.
  if (typeof reason !== "string") {
    throw new TypeError(`The close reason must be a string, not ${typeof reason}.`);
  }
  const size = Buffer.byteLength(reason);
  if (size > maxCloseReasonSize) {
    throw new RangeError(
      `The close reason takes ${size} bytes; a Close frame has room for ${maxCloseReasonSize}.`,
    );
  }
}
