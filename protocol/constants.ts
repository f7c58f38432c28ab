// Constants and types of RFC 6455. This module contains no functions.

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

/** The role of one end of a connection. A client masks its frames. A server does not mask its frames (RFC 6455 5.1). */
export type Role = "client" | "server";

/** Maximum payload size of a control frame in bytes (RFC 6455 5.5). */
export const maxControlPayloadSize = 125;

/** Maximum size of a frame header in bytes: 2, plus 8 for the extended length, plus 4 for the key (RFC 6455 5.2). */
export const maxFrameHeaderSize = 14;

/** The server appends this GUID to the client's key, and hashes the result for its answer (RFC 6455 1.3). */
export const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
