// Makes WebSocket frames in advance, for servers and for the floor client.
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { messagesOf } from "./payloads.mjs";

const chunkSize = 256 * 1024;
const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, pong: 0xa };

/**
 * Makes the frames of a server's stream in advance: `messages`, the bytes of each message, and `chunk`, about 256 KiB
 * of messages or one larger message. The chunk is written repeatedly, so that the client receives many messages per
 * read.
 *
 * @param {import("./scenarios/index.mjs").Scenario} scenario
 */
export async function prepareStream({ payload, fragments = 1, compression }) {
  const opcode = opcodes[payload.type];
  const isCompressed = compression !== undefined;
  const payloads = await compressed(messagesOf(payload), compression);
  const messages = payloads.map((bytes) => messageOf(bytes, { opcode, fragments, isCompressed }));
  const size = messages.reduce((sum, { length }) => sum + length, 0);
  const times = Math.max(1, Math.floor(chunkSize / size));
  const chunk = Buffer.concat(Array(times).fill(messages).flat());
  return { messages, chunk, bytesPerMessage: size / messages.length };
}

/** Returns one message in one masked frame (RFC 6455 5.3), uncompressed. @param {Buffer} payload */
export function clientFrame(payload, type) {
  const header = headerOf(payload.length, 0x80 | opcodes[type]);
  header[1] |= 0x80;
  const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  const masked = payload.map((byte, index) => byte ^ key[index % 4]);
  return Buffer.concat([header, key, masked]);
}

/** An unmasked text message in one frame. @param {string} text */
export function textFrame(text) {
  return messageOf(Buffer.from(text), { opcode: opcodes.text });
}

/** @param {Uint8Array} payload */
export function pongFrame(payload) {
  return messageOf(payload, { opcode: opcodes.pong });
}

/** A Close with the code 1000 (RFC 6455 5.5.1). */
export function closeFrame() {
  return messageOf(Buffer.from([0x03, 0xe8]), { opcode: opcodes.close });
}

function messageOf(bytes, { opcode, fragments = 1, isCompressed = false }) {
  const step = Math.ceil(bytes.length / fragments);
  const parts = [];
  for (let index = 0; index < fragments; index++) {
    const part = bytes.subarray(index * step, (index + 1) * step);
    const fin = index === fragments - 1 ? 0x80 : 0;
    const first = index === 0 ? opcode | (isCompressed ? 0x40 : 0) : opcodes.continuation;
    parts.push(headerOf(part.length, fin | first), part);
  }
  return Buffer.concat(parts);
}

function headerOf(size, firstByte) {
  if (size < 126) return Buffer.from([firstByte, size]);
  const header = Buffer.alloc(size < 65_536 ? 4 : 10);
  header[0] = firstByte;
  header[1] = size < 65_536 ? 126 : 127;
  if (size < 65_536) header.writeUInt16BE(size, 2);
  else header.writeBigUInt64BE(BigInt(size), 2);
  return header;
}

/**
 * Deflates messages (RFC 7692 7.2.1). With context takeover, the first message does not refer to earlier ones, so that
 * the stream can be repeated from its start.
 */
async function compressed(payloads, compression) {
  if (compression === undefined) return payloads;
  if (compression === "without-context") {
    return payloads.map((payload) =>
      withoutTail(deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH })),
    );
  }
  const deflate = createDeflateRaw();
  const results = [];
  for (const payload of payloads) {
    deflate.write(payload);
    await new Promise((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    const pieces = [];
    for (let piece = deflate.read(); piece !== null; piece = deflate.read()) pieces.push(piece);
    results.push(withoutTail(Buffer.concat(pieces)));
  }
  deflate.destroy();
  return results;
}

function withoutTail(bytes) {
  if (bytes.subarray(-4).toString("hex") !== "0000ffff") throw new Error("deflate was not flushed");
  return bytes.subarray(0, -4);
}
