/**
 * Turns the errors of the client into errors with the messages and codes that programs expect of `ws`. It does not
 * decide which errors are emitted.
 */
import { type CloseReport, HandshakeError, ProtocolError, TimeoutError, unmasked } from "../index.js";

/** Codes of protocol errors: the code of `ws`, and the text that follows the prefix, if the message has one. */
const frameErrors: Readonly<Record<string, readonly [code: string, message: string]>> = {
  UNEXPECTED_RSV: ["WS_ERR_UNEXPECTED_RSV_2_3", "RSV2 and RSV3 must be clear"],
  UNKNOWN_OPCODE: ["WS_ERR_INVALID_OPCODE", "invalid opcode"],
  UNEXPECTED_CONTINUATION: ["WS_ERR_INVALID_OPCODE", "invalid opcode 0"],
  EXPECTED_CONTINUATION: ["WS_ERR_INVALID_OPCODE", "invalid opcode"],
  FRAGMENTED_CONTROL_FRAME: ["WS_ERR_EXPECTED_FIN", "FIN must be set"],
  CONTROL_FRAME_TOO_BIG: ["WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", "invalid payload length"],
  WRONG_MASKING: ["WS_ERR_UNEXPECTED_MASK", "MASK must be clear"],
  INVALID_CLOSE: ["WS_ERR_INVALID_CLOSE_CODE", "invalid status code"],
  INVALID_UTF8: ["WS_ERR_INVALID_UTF8", "invalid UTF-8 sequence"],
};

const limitErrors: typeof frameErrors = {
  MESSAGE_TOO_BIG: ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "Max payload size exceeded"],
  TOO_MANY_FRAGMENTS: ["WS_ERR_TOO_MANY_BUFFERED_PARTS", "Too many message fragments"],
  INVALID_LENGTH: ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", "Unsupported WebSocket frame: payload length"],
};

/** Errors of an answer with the status 101. */
const answerErrors: Readonly<Record<string, string>> = {
  INVALID_UPGRADE: "Invalid Upgrade header",
  INVALID_CONNECTION: "Invalid Connection header",
  INVALID_ACCEPT: "Invalid Sec-WebSocket-Accept header",
  INVALID_EXTENSIONS: "Invalid Sec-WebSocket-Extensions header",
};

/** Errors that Node's HTTP client reports with a code. */
const httpErrors: typeof frameErrors = {
  CONNECTION_ENDED: ["ECONNRESET", "socket hang up"],
  MALFORMED_RESPONSE: ["HPE_INVALID_CONSTANT", "Parse Error: Expected HTTP/, RTSP/ or ICE/"],
  HEADERS_TOO_LARGE: ["HPE_HEADER_OVERFLOW", "Parse Error: Header overflow"],
};

/** What the client offered in its request. */
export interface Offer {
  readonly hasSubprotocols: boolean;
  readonly hasExtensions: boolean;
}

/**
 * Returns the error to emit for an open connection that has ended; `undefined` if there is none. A lost connection is
 * not an error: the event `close` reports the code 1006.
 */
export function frameError({ error }: Pick<CloseReport, "error">): Error | undefined {
  if (!(error instanceof ProtocolError)) return undefined;
  // For `ws`, a Close frame with one byte has a wrong length.
  const isShortClose = error.code === "INVALID_CLOSE" && error.message.includes("one byte");
  const key = isShortClose ? "CONTROL_FRAME_TOO_BIG" : error.code;
  const [code, message] = frameErrors[key] ?? limitErrors[key] ?? [key, error.message];
  const text = key in frameErrors ? `Invalid WebSocket frame: ${message}` : message;
  const isRsv1 = error.code === "UNEXPECTED_RSV" && error.message.includes("RSV1");
  if (isRsv1)
    return create(
      RangeError,
      "Invalid WebSocket frame: RSV1 must be clear",
      "WS_ERR_UNEXPECTED_RSV_1",
      error,
    );
  return create(error.code === "INVALID_UTF8" ? Error : RangeError, text, code, error);
}

/** Returns the error to emit for an attempt that has failed. */
export function attemptError({ error, headers }: CloseReport, offer: Offer): Error {
  if (error instanceof TimeoutError)
    return create(Error, "Opening handshake has timed out", undefined, error);
  if (error instanceof HandshakeError) return handshakeError(error, unmasked(headers), offer);
  // Programs compare the code of Node's own error, such as ECONNREFUSED.
  const cause = unmasked(error?.cause);
  if (cause instanceof Error) return cause;
  return error ?? create(Error, "socket hang up", "ECONNRESET", undefined);
}

function handshakeError(
  error: HandshakeError,
  headers: readonly (readonly [name: string, value: string])[],
  { hasSubprotocols, hasExtensions }: Offer,
): Error {
  const http = httpErrors[error.code];
  if (http !== undefined) return create(Error, http[1], http[0], error);
  const plain = (message: string): Error => create(Error, message, undefined, error);
  if (error.code === "SUBPROTOCOL_MISMATCH")
    return plain(
      hasSubprotocols
        ? "Server sent an invalid subprotocol"
        : "Server sent a subprotocol but none was requested",
    );
  if (error.code === "EXTENSION_MISMATCH") {
    const answer = headers.find(([name]) => name.toLowerCase() === "sec-websocket-extensions")?.[1] ?? "";
    if (!hasExtensions)
      return plain("Server sent a Sec-WebSocket-Extensions header but no extension was requested");
    if (!/^permessage-deflate(;[^,]*)?$/.test(answer.trim()))
      return plain("Server indicated an extension that was not requested");
    return plain(answerErrors["INVALID_EXTENSIONS"]!);
  }
  return plain(answerErrors[error.code] ?? `Unexpected server response: ${error.statusCode ?? 0}`);
}

function create(
  type: ErrorConstructor,
  message: string,
  code: string | undefined,
  cause: Error | undefined,
): Error {
  return Object.assign(new type(message, { cause }), code === undefined ? {} : { code });
}
