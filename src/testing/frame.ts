/**
 * Builds the bytes of server frames. The frames may be invalid. This module does not check or parse frames.
 */
import { Opcode } from "../../protocol/index.js";

/** The parts of one unmasked frame (RFC 6455 5.2). The parts are not checked. */
export interface FrameParts {
  /** The opcode: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. Other values are reserved. */
  readonly opcode: number;
  /** The payload. Default: empty. */
  readonly payload?: string | Uint8Array | undefined;
  /** The FIN bit. Default `true`. */
  readonly isFinal?: boolean | undefined;
  /** The RSV1 bit, which marks a compressed message (RFC 7692 6). Default `false`. */
  readonly rsv1?: boolean | undefined;
}

/** Returns the bytes of one unmasked frame for {@link ScriptedConnection.write}. The frame may be invalid. */
export function frame({ opcode, payload = "", isFinal = true, rsv1 = false }: FrameParts): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10);
  header[0] = (isFinal ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  header[1] = header.length === 2 ? bytes.length : header.length === 4 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(bytes.length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(bytes.length), 2);
  return Buffer.concat([header, bytes]);
}

/** Returns the frames of one fragmented message, one frame per piece (RFC 6455 5.4). */
export function fragments(pieces: readonly (string | Uint8Array)[]): Buffer {
  const opcode = typeof pieces[0] === "string" ? Opcode.text : Opcode.binary;
  const frames = pieces.map((payload, index) =>
    frame({
      opcode: index === 0 ? opcode : Opcode.continuation,
      payload,
      isFinal: index === pieces.length - 1,
    }),
  );
  return Buffer.concat(frames);
}

/** Returns the payload of a Close frame (RFC 6455 5.5.1). The code and reason may be invalid. */
export function closePayload(code: number | undefined, reason: string | Uint8Array): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([code >>> 8, code & 0xff]), Buffer.from(reason)]);
}
