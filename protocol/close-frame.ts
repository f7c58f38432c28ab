// Reads, writes and checks the payload of Close frames. This module does not write frame headers, and it does not know
// the state of the connection.
import { CloseCode, isSendableCloseCode, maxCloseReasonSize } from "./close-codes.js";
import { ProtocolError } from "./errors.js";
import { utf8Write } from "./fast-buffer.js";
import { decodeText } from "./text/utf8.js";

/** The content of a Close frame. A Close frame without a code has the code 1005. */
export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

/** Parses the payload of the peer's Close frame. */
export function readClose(payload: Buffer): CloseFrame | ProtocolError {
  if (payload.length === 0) return { code: CloseCode.noStatus, reason: "" };
  // RFC 6455 5.5.1: the first two bytes of a non-empty payload are the code.
  if (payload.length === 1) {
    return invalidClose("The peer sent a Close frame with a payload of one byte.");
  }
  const code = payload.readUInt16BE(0);
  // RFC 6455 7.4: some codes must not be sent in a Close frame.
  if (!isSendableCloseCode(code)) {
    return invalidClose(`The peer sent a Close frame with the code ${code}, which must not be sent.`);
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

/** Returns the payload of a Close frame. The payload is empty for the code 1005, because 1005 must never be sent. */
export function encodeClose({ code, reason }: CloseFrame): Buffer {
  if (code === CloseCode.noStatus) return Buffer.alloc(0);
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  utf8Write(payload, reason, 2, payload.length - 2);
  return payload;
}

/** @throws RangeError if a Close frame must not carry `code`. */
export function checkCloseCode(code: number): void {
  if (isSendableCloseCode(code)) return;
  throw new RangeError(
    `The close code ${String(code)} may not be sent: use 1000-1003, 1007-1014 or 3000-4999.`,
  );
}

/**
 * Checks that a Close frame can carry `code` and `reason`.
 * @throws RangeError if the code must not be sent, or if the reason is longer than 123 bytes in UTF-8.
 * @throws TypeError if the reason is not a string.
 */
export function checkClose(code: number, reason: string): void {
  checkCloseCode(code);
  // `Buffer.byteLength` also accepts bytes, but `encodeClose` only writes strings.
  if (typeof reason !== "string") {
    throw new TypeError(`The close reason must be a string, not ${typeof reason}.`);
  }
  const size = Buffer.byteLength(reason);
  if (size > maxCloseReasonSize) {
    throw new RangeError(
      `The close reason has ${size} bytes in UTF-8; a Close frame allows at most ${maxCloseReasonSize}.`,
    );
  }
}
