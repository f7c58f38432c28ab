/**
 * The WebSocket protocol (RFC 6455, RFC 7692) without I/O, for clients and servers. This layer turns received bytes
 * into calls of a handler, and messages into bytes to write. It does not open sockets, set timers or read a clock.
 *
 * A client connection has these steps:
 *
 * 1. Once per process, create `const resources = new Resources({ fillRandom: randomFillSync })`. For each connection,
 *    create a handshake: `const handshake = new ClientHandshake({ uri: parseUri(url), fillRandom: randomFillSync,
 *    offers: [deflateOffer({})] })`.
 * 2. Write `handshake.request`. Pass received bytes to `handshake.receive(bytes)` until this method returns a result.
 * 3. If the `kind` of the result is `"accepted"`, create the connection:
 *    `const connection = new ProtocolConnection({ role: "client", handler, resources, extension: result.extension })`.
 *    Pass the bytes after the response header to the connection: `connection.receive(bytes, result.consumed)`.
 * 4. From then on, pass received bytes to `connection.receive(bytes)`. Send with `text`, `binary`, `ping` and `close`.
 *    After each of these calls, write the bytes that `connection.take()` returns. These bytes are a view of shared
 *    memory. In the callback of the write, call `connection.written()`, and then `connection.take()` again.
 * 5. When the stream ends, call `connection.receiveEnd()`. When the stream is closed, call `connection.abandon()`, and
 *    then `connection.written()` to release the memory of an unfinished write.
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
export { Opcode, type Role } from "./constants.js";
export { bareUrl, displayUrl } from "./display/display-url.js";
export {
  displayField,
  type FieldRule,
  mask,
  type Masked,
  maskBody,
  type MaskedBody,
  type MaskedFields,
  maskFields,
  outputMethods,
  unmasked,
} from "./display/masked.js";
export { hideRandom, looksRandom } from "./display/random-text.js";
export { redactText } from "./display/redact-text.js";
export { isSecretName } from "./display/secret-name.js";
export { displaySubprotocol } from "./display/subprotocol.js";
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
  ProxyError,
  type ProxyErrorDetails,
} from "./errors.js";
export { escapeControls } from "./escape-controls.js";
export { latin1Text, utf8Bytes, utf8Text } from "./fast-buffer.js";
export { loadNodeModule } from "./node-modules.js";
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
export { HttpTunnel } from "./proxy/http-tunnel.js";
export { parseProxy, type ProxyUri } from "./proxy/proxy-uri.js";
export { Socks5Tunnel } from "./proxy/socks5-tunnel.js";
export type { TunnelHandshake, TunnelStep, TunnelTarget } from "./proxy/tunnel-handshake.js";
export { Resources, type ResourcesOptions } from "./resources.js";
export { parseUri, type WebSocketUri } from "./uri.js";
