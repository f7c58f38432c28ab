/**
 * The WebSocket protocol by itself (RFC 6455, RFC 7692), for both ends of a connection: bytes go in, calls and
 * bytes come out. Nothing here opens a socket, sets a timer or reads a clock.
 *
 * A connection in five steps, by hand:
 *
 * 1. `const resources = new Resources({ fillRandom: randomFillSync })`, once for a process, and
 *    `const handshake = new ClientHandshake({ uri: parseUri(url), fillRandom: randomFillSync, offers: [deflateOffer({})] })`.
 * 2. Write `handshake.request`, and give what comes to `handshake.receive(bytes)` until it returns a result.
 * 3. When its `kind` is `"accepted"`:
 *    `const connection = new ProtocolConnection({ role: "client", handler, resources, extension: result.extension })`,
 *    and give it what stands behind the head: `connection.receive(bytes, result.consumed)`.
 * 4. From then on give what comes to `connection.receive(bytes)`, send by `text`, `binary`, `ping` and `close`, and after
 *    each of these calls write what `take()` gives. It lends its memory: call `written()` when the stream has taken the
 *    piece (in the callback of its write), then `take()` again.
 * 5. When the stream ends, call `connection.receiveEnd()`. When it is closed, call `connection.abandon()`, and `written()`
 *    too: a write that was in flight needs its memory no more.
 *
 * @packageDocumentation
 */
export { CloseCode, isSendableCloseCode, maxCloseReasonSize } from "./close-codes.js";
export { checkClose, type CloseFrame } from "./close-frame.js";
export {
  ProtocolConnection,
  type ProtocolConnectionOptions,
  type ProtocolHandler,
  type ProtocolState,
  type SendOptions,
} from "./connection.js";
export { Opcode, type Role, zeroBytes } from "./constants.js";
export {
  brandInstances,
  type ErrorDetails,
  type ErrorReport,
  HandshakeError,
  type HandshakeErrorDetails,
  type HeaderField,
  InvalidStateError,
  JetSocketError,
  ProtocolError,
} from "./errors.js";
export { escapeControls } from "./escape-controls.js";
export { ownOptions } from "./own-options.js";
export type {
  CodecFactory,
  Deflater,
  DeflaterOptions,
  InflatedSink,
  Inflater,
  InflaterOptions,
} from "./extensions/permessage-deflate/codec.js";
export { createCodecFactory } from "./extensions/permessage-deflate/codec-factory.js";
export type {
  AgreedExtension,
  ExtensionAcceptor,
  ExtensionElement,
  ExtensionOffer,
  ExtensionParameter,
  MessageExtension,
} from "./extensions/extension.js";
export {
  deflateAcceptor,
  deflateOffer,
  type DeflateOptions,
} from "./extensions/permessage-deflate/permessage-deflate.js";
export {
  ClientHandshake,
  type ClientHandshakeOptions,
  type HandshakeResult,
} from "./handshake/client-handshake.js";
export {
  type AcceptedHandshake,
  type AcceptOptions,
  type RejectOptions,
  type RequestResult,
  ServerHandshake,
} from "./handshake/server-handshake.js";
export type { ServerRequest } from "./handshake/server-request.js";
export { headerSizeFor } from "./frame-header.js";
export type { FrameObserver, ObservedFrame } from "./frame-observer.js";
export type { FillRandom } from "./masking-keys.js";
export { Resources, type ResourcesOptions } from "./resources.js";
export { parseUri, type WebSocketUri } from "./uri.js";
