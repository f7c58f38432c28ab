// Builds and reads WebSocket frames byte by byte, without the package under test.
import { Buffer } from "node:buffer";

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/**
 * Builds one unmasked frame (RFC 6455 5.2).
 *
 * @param {number} opcode
 * @param {Uint8Array | string} [payload]
 * @param {{ isFinal?: boolean, rsv?: number, mask?: boolean, lengthBits?: 7 | 16 | 64, length?: bigint }} [parts] -
 *   `rsv` has the bits 0x40, 0x20 and 0x10. `length` replaces the length in the header.
 */
export function frame(opcode, payload = "", parts = {}) {
  const { isFinal = true, rsv = 0, mask = false, lengthBits, length } = parts;
  const bytes = Buffer.from(payload);
  const field = lengthField(length ?? BigInt(bytes.length), lengthBits);
  field[0] |= mask ? 0x80 : 0;
  // The masking key is zero, so the payload is unchanged.
  const key = mask ? Buffer.alloc(4) : Buffer.alloc(0);
  return Buffer.concat([Buffer.of((isFinal ? 0x80 : 0) | rsv | opcode), field, key, bytes]);
}

function lengthField(length, bits = length < 126n ? 7 : length < 65536n ? 16 : 64) {
  if (bits === 7) return Buffer.of(Number(length));
  const field = Buffer.alloc(bits === 16 ? 3 : 9);
  field[0] = bits === 16 ? 126 : 127;
  if (bits === 16) field.writeUInt16BE(Number(length), 1);
  else field.writeBigUInt64BE(length, 1);
  return field;
}

export const text = (payload, parts) => frame(opcodes.text, payload, parts);
export const binary = (payload, parts) => frame(opcodes.binary, payload, parts);
export const more = (payload, parts) => frame(opcodes.continuation, payload, parts);
export const ping = (payload, parts) => frame(opcodes.ping, payload, parts);
export const pong = (payload, parts) => frame(opcodes.pong, payload, parts);

export function close(code, reason = "") {
  if (code === undefined) return frame(opcodes.close);
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return frame(opcodes.close, payload);
}

/** Takes the first complete masked frame from `bytes`. Returns `undefined` if it is incomplete. */
export function takeFrame(bytes) {
  if (bytes.length < 2) return undefined;
  let size = bytes[1] & 0x7f;
  let at = 2;
  if (size === 126) {
    if (bytes.length < 4) return undefined;
    size = bytes.readUInt16BE(2);
    at = 4;
  } else if (size === 127) {
    if (bytes.length < 10) return undefined;
    size = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  const isMasked = (bytes[1] & 0x80) !== 0;
  const key = isMasked ? bytes.subarray(at, at + 4) : Buffer.alloc(4);
  if (isMasked) at += 4;
  if (bytes.length < at + size) return undefined;
  const payload = Buffer.from(bytes.subarray(at, at + size));
  for (let index = 0; index < size; index++) payload[index] ^= key[index & 3];
  const isFinal = (bytes[0] & 0x80) !== 0;
  return { opcode: bytes[0] & 15, isFinal, rsv: bytes[0] & 0x70, isMasked, payload, end: at + size };
}
