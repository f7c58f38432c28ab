import { Opcode } from "../../protocol/index.js";

/** One frame as a server writes it (RFC 6455 5.2); nothing of it is checked. */
export interface FrameParts {
  /** 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong; the others are reserved. */
  readonly opcode: number;
  /** Default: empty. */
  readonly payload?: string | Uint8Array | undefined;
  /** The bit FIN. Default `true`. */
  readonly isFinal?: boolean | undefined;
  /** The bit RSV1, which marks a compressed message (RFC 7692 6). Default `false`. */
  readonly rsv1?: boolean | undefined;
}

/** The bytes of one frame without a mask, for {@link ScriptedConnection.write}: also of one that no server may send. */
export function frame({ opcode, payload = "", isFinal = true, rsv1 = false }: FrameParts): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10);
  header[0] = (isFinal ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  header[1] = header.length === 2 ? bytes.length : header.length === 4 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(bytes.length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(bytes.length), 2);
  return Buffer.concat([header, bytes]);
}

/** The frames of one message in as many pieces (RFC 6455 5.4). */
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

/** The payload of a Close (RFC 6455 5.5.1), with whatever code and reason. */
export function closePayload(code: number | undefined, reason: string | Uint8Array): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([code >>> 8, code & 0xff]), Buffer.from(reason)]);
}
