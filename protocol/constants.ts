// Constants that several modules use, most of them from RFC 6455.

/** Frame opcodes (RFC 6455 5.2). */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** The end of the connection that this code implements. A client masks its frames, a server does not (RFC 6455 5.1). */
export type Role = "client" | "server";

/** Largest payload of a control frame, in bytes (RFC 6455 5.5). */
export const maxControlPayloadSize = 125;

/** Largest frame header, in bytes: 2, plus an extended length of 8, plus a masking key of 4 (RFC 6455 5.2). */
export const maxFrameHeaderSize = 14;

/**
 * Initial value (-0) of byte counters that can exceed 2 GiB. V8 stores -0 as a double from the start. A counter that
 * starts as a small integer would change its representation at 2 GiB, and V8 would then discard the optimised code that
 * uses the object. Add `+ 0` when the value is returned to a user, so that 0 is shown instead of -0.
 */
export const zeroBytes: number = -0;

/** GUID that the opening handshake appends to the key before hashing (RFC 6455 1.3). */
export const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
