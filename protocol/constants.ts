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

/** GUID that the opening handshake appends to the key before hashing (RFC 6455 1.3). */
export const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
