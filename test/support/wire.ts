// Builds and reads frames byte by byte. It does not use `protocol/`, so that it cannot share its errors.
import { constants, deflateRawSync } from "node:zlib";

/** The opcodes of RFC 6455 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The lengths at which the header size changes, and their neighbours. */
export const boundaryLengths = [0, 1, 125, 126, 127, 65535, 65536] as const;

/** The masking key that tests use by default. */
export const someKey: readonly number[] = [0x37, 0xfa, 0x21, 0x3d];

export interface FrameParts {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  readonly isFinal?: boolean;
  readonly rsv1?: boolean;
  readonly rsv2?: boolean;
  readonly rsv3?: boolean;
  /** The masking key, or `true` for {@link someKey}. Without it, the frame is unmasked, like a server's. */
  readonly mask?: readonly number[] | boolean;
  /** The size of the length field in bits, when it is not minimal. */
  readonly lengthBits?: 7 | 16 | 64;
  /** The length in the header, when it differs from that of the payload. */
  readonly announced?: number | bigint;
}

/** One complete frame (RFC 6455 5.2). */
export function frame(parts: FrameParts): Buffer {
  const payload = typeof parts.payload === "string" ? Buffer.from(parts.payload) : (parts.payload ?? []);
  const key = parts.mask === true ? someKey : parts.mask === false ? undefined : parts.mask;
  const flags =
    (parts.isFinal === false ? 0 : 0x80) |
    (parts.rsv1 === true ? 0x40 : 0) |
    (parts.rsv2 === true ? 0x20 : 0) |
    (parts.rsv3 === true ? 0x10 : 0);
  const length = lengthField(BigInt(parts.announced ?? payload.length), parts.lengthBits);
  length[0]! |= key === undefined ? 0 : 0x80;
  return Buffer.concat([
    Buffer.from([flags | parts.opcode]),
    length,
    Buffer.from(key ?? []),
    key === undefined ? Uint8Array.from(payload) : masked(Uint8Array.from(payload), key),
  ]);
}

function lengthField(size: bigint, bits: 7 | 16 | 64 = size < 126n ? 7 : size < 65536n ? 16 : 64): Buffer {
  if (bits === 7) return Buffer.from([Number(size)]);
  const field = Buffer.alloc(bits === 16 ? 3 : 9);
  field[0] = bits === 16 ? 126 : 127;
  if (bits === 16) field.writeUInt16BE(Number(size), 1);
  else field.writeBigUInt64BE(size, 1);
  return field;
}

/** Masks byte by byte (RFC 6455 5.3). */
export function masked(payload: Uint8Array, key: readonly number[]): Buffer {
  const bytes = Buffer.from(payload);
  for (let index = 0; index < bytes.length; index++) bytes[index]! ^= key[index & 3]!;
  return bytes;
}

export type FrameOptions = Omit<FrameParts, "opcode" | "payload">;

export function textFrame(text: string | Uint8Array, options?: FrameOptions): Buffer {
  return frame({ opcode: opcodes.text, payload: text, ...options });
}

export function binaryFrame(payload: Uint8Array, options?: FrameOptions): Buffer {
  return frame({ opcode: opcodes.binary, payload, ...options });
}

export function pingFrame(payload: string | Uint8Array = "", options?: FrameOptions): Buffer {
  return frame({ opcode: opcodes.ping, payload, ...options });
}

export function pongFrame(payload: string | Uint8Array = "", options?: FrameOptions): Buffer {
  return frame({ opcode: opcodes.pong, payload, ...options });
}

/** A Close frame. Without a code, its payload is empty. */
export function closeFrame(code?: number, reason: string | Uint8Array = "", options?: FrameOptions): Buffer {
  return frame({ opcode: opcodes.close, payload: closePayload(code, reason), ...options });
}

export function closePayload(code?: number, reason: string | Uint8Array = ""): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([code >>> 8, code & 0xff]), Buffer.from(reason)]);
}

/** One message with one frame per piece. `options` apply to every frame, RSV1 only to the first. */
export function fragments(
  opcode: number,
  pieces: readonly (string | Uint8Array)[],
  { rsv1 = false, ...options }: FrameOptions = {},
): Buffer[] {
  return pieces.map((payload, index) =>
    frame({
      ...options,
      opcode: index === 0 ? opcode : opcodes.continuation,
      payload,
      rsv1: rsv1 && index === 0,
      isFinal: index === pieces.length - 1,
    }),
  );
}

/** A frame as a test peer reads it from the wire. */
export interface ReadFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly rsv1: boolean;
  readonly isMasked: boolean;
  /** The unmasked payload. */
  readonly payload: Buffer;
}

/** Reads complete frames. Incomplete frames, RSV2, RSV3 and a length that is not minimal are errors. */
export function readFrames(bytes: Uint8Array): ReadFrame[] {
  const frames: ReadFrame[] = [];
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < view.length) {
    const [first, second] = [view.readUInt8(at), view.readUInt8(at + 1)];
    const lengthCode = second & 0x7f;
    at += 2;
    let size = BigInt(lengthCode);
    if (lengthCode === 126) size = BigInt(view.readUInt16BE(at));
    if (lengthCode === 127) size = view.readBigUInt64BE(at);
    at += lengthCode === 126 ? 2 : lengthCode === 127 ? 8 : 0;
    const shortest = size < 126n ? size : size < 65536n ? 126n : 127n;
    if (BigInt(lengthCode) !== shortest)
      throw new Error(`The encoding of the length ${size} is not minimal.`);
    if ((first & 0x30) !== 0) throw new Error("RSV2 or RSV3 is set.");
    const isMasked = (second & 0x80) !== 0;
    const key = isMasked ? [...view.subarray(at, at + 4)] : [0, 0, 0, 0];
    at += isMasked ? 4 : 0;
    const end = at + Number(size);
    if (end > view.length)
      throw new Error(`A frame of ${size} bytes lacks its last ${end - view.length} bytes.`);
    frames.push({
      opcode: first & 0x0f,
      isFinal: (first & 0x80) !== 0,
      rsv1: (first & 0x40) !== 0,
      isMasked,
      payload: masked(view.subarray(at, end), key),
    });
    at = end;
  }
  return frames;
}

/** The payload of a compressed message that does not refer to earlier ones (RFC 7692 7.2.1). */
export function deflated(payload: string | Uint8Array): Buffer {
  const bytes = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH });
  return bytes.subarray(0, bytes.length - 4);
}
