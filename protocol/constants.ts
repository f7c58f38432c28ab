/** The types of frames (RFC 6455 5.2). */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** The part that one end of a connection plays: a client masks what it sends, a server does not (RFC 6455 5.1). */
export type Role = "client" | "server";

/** RFC 6455 5.5: a control frame carries at most 125 bytes. */
export const maxControlPayloadSize = 125;

/** Two bytes, an extended length of eight, a masking key of four (RFC 6455 5.2). */
export const maxFrameHeaderSize = 14;

/**
 * Where a count of bytes begins that goes beyond 2 GiB. V8 keeps it as a double from the start; a small integer would change its form there,
 * at which all compiled code is thrown away that works with its object. It is the negative zero: what a user sees is read with `+ 0`.
 */
export const zeroBytes: number = -0;

/** Sent after the key in the opening handshake (RFC 6455 1.3). */
export const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
