// Reads, writes and checks single frame headers (RFC 6455 5.2). The message assembler checks the order of frames and
// the size limits.
import { CloseCode } from "./close-codes.js";
import { maxControlPayloadSize, Opcode } from "./constants.js";
import { ProtocolError } from "./errors.js";

const finBit = 0x80;
const rsv1Bit = 0x40;
const rsv2And3Bits = 0x30;
const maskBit = 0x80;

/** Returns the first header byte of a message that consists of one frame. */
export function firstByteOf(opcode: number, hasRsv1: boolean): number {
  return finBit | (hasRsv1 ? rsv1Bit : 0) | opcode;
}

export function isFinal(first: number): boolean {
  return (first & finBit) !== 0;
}

export function hasRsv1(first: number): boolean {
  return (first & rsv1Bit) !== 0;
}

export function opcodeOf(first: number): number {
  return first & 0x0f;
}

/** RFC 6455 5.5: the highest of the four opcode bits is 1 in control frames and 0 in data frames. */
export function isControl(first: number): boolean {
  return (first & 0x08) !== 0;
}

/**
 * Returns the size in bytes of a received header, including the masking key.
 * @param second - The second byte of the header.
 */
export function headerSizeOf(second: number): number {
  const lengthCode = second & 0x7f;
  const extendedSize = lengthCode === 127 ? 8 : lengthCode === 126 ? 2 : 0;
  return 2 + extendedSize + ((second & maskBit) === 0 ? 0 : 4);
}

/** Returns the size in bytes of the header of a frame to send, including the masking key. */
export function headerSizeFor(payloadSize: number, isMasked: boolean): number {
  return (payloadSize < 126 ? 2 : payloadSize < 65536 ? 4 : 10) + (isMasked ? 4 : 0);
}

/**
 * Returns the payload size in bytes of a frame.
 * @param frameSize - Size in bytes of the header and the payload together.
 */
export function payloadSizeIn(frameSize: number, isMasked: boolean): number {
  const unmasked = isMasked ? frameSize - 4 : frameSize;
  if (unmasked <= 127) return unmasked - 2;
  return unmasked <= 65_539 ? unmasked - 4 : unmasked - 10;
}

/** Writes a header without its masking key. Returns the offset of the first byte after the written bytes. */
export function writeHeader(
  bytes: Buffer,
  at: number,
  first: number,
  isMasked: boolean,
  size: number,
): number {
  const mask = isMasked ? maskBit : 0;
  bytes[at] = first;
  // RFC 6455 5.2: the shortest of the three forms of the payload length must be used.
  if (size < 126) {
    bytes[at + 1] = mask | size;
    return at + 2;
  }
  if (size < 65536) {
    bytes[at + 1] = mask | 126;
    bytes[at + 2] = size >>> 8;
    bytes[at + 3] = size;
    return at + 4;
  }
  bytes[at + 1] = mask | 127;
  bytes.writeUInt32BE(Math.floor(size / 0x1_0000_0000), at + 2);
  bytes.writeUInt32BE(size >>> 0, at + 6);
  return at + 10;
}

/** Creates an error that fails the connection with the close code 1002 (RFC 6455 7.4.1). */
export function protocolError(code: string, message: string): ProtocolError {
  return new ProtocolError(message, { code, closeCode: CloseCode.protocolError });
}

/**
 * Checks the first two bytes of a header. Returns `undefined` if they are valid.
 * @param isServer - The role of the receiver.
 */
export function checkHeaderStart(
  first: number,
  second: number,
  isServer: boolean,
): ProtocolError | undefined {
  // RFC 6455 5.2: RSV2 and RSV3 MUST be 0 unless an extension defines them. No supported extension defines them.
  if ((first & rsv2And3Bits) !== 0) {
    return protocolError(
      "UNEXPECTED_RSV",
      "The peer set RSV2 or RSV3, but no negotiated extension uses them.",
    );
  }
  const opcode = opcodeOf(first);
  // RFC 6455 5.2: an unknown opcode fails the connection.
  if ((opcode > Opcode.binary && opcode < Opcode.close) || opcode > Opcode.pong) {
    const hex = opcode.toString(16);
    return protocolError("UNKNOWN_OPCODE", `The peer sent a frame with the reserved opcode 0x${hex}.`);
  }
  if (isControl(first)) {
    // RFC 6455 5.5: a control frame MUST NOT be fragmented. Its payload has at most 125 bytes.
    if (!isFinal(first))
      return protocolError("FRAGMENTED_CONTROL_FRAME", "The peer fragmented a control frame.");
    if ((second & 0x7f) > maxControlPayloadSize)
      return protocolError("CONTROL_FRAME_TOO_BIG", "The peer sent a control frame of more than 125 bytes.");
    // RFC 7692 6: only the first frame of a data message may have RSV1 set.
    if (hasRsv1(first)) return protocolError("UNEXPECTED_RSV", "The peer set RSV1 on a control frame.");
  }
  // RFC 6455 5.1: a client MUST mask its frames, a server MUST NOT mask its frames.
  const isMasked = (second & maskBit) !== 0;
  if (isMasked === isServer) return undefined;
  return protocolError(
    "WRONG_MASKING",
    isServer ? "The client sent a frame without a mask." : "The server sent a masked frame.",
  );
}

/**
 * Returns the payload size in bytes.
 * @param header - Contains a complete header at `at`.
 */
export function readPayloadSize(header: Buffer, at: number): number | ProtocolError {
  const lengthCode = header[at + 1]! & 0x7f;
  if (lengthCode < 126) return lengthCode;
  if (lengthCode === 126) {
    const size = (header[at + 2]! << 8) | header[at + 3]!;
    return size < 126 ? notMinimal() : size;
  }
  const high = header.readUInt32BE(at + 2);
  // RFC 6455 5.2: the most significant bit of a 64-bit length MUST be 0.
  if (high >= 0x8000_0000)
    return protocolError("INVALID_LENGTH", "The peer sent a 64-bit length with its highest bit set.");
  const size = high * 0x1_0000_0000 + header.readUInt32BE(at + 6);
  return size < 65536 ? notMinimal() : size;
}

/** RFC 6455 5.2: the minimal number of bytes MUST be used to encode the length. */
function notMinimal(): ProtocolError {
  return protocolError("INVALID_LENGTH", "The peer encoded a length in more bytes than it needs.");
}
