/**
 * The class `WebSocket` of browsers, for programs that change one import. This module only exports the public interface
 * of the entry point `jetsocket/whatwg`.
 *
 * @packageDocumentation
 */
export type { WebSocketOptions } from "./client-options.js";
export { CloseEvent, type CloseEventInit, MessageEvent, type MessageEventInit } from "./events.js";
export type { BinaryType, StandardBinaryType } from "./message-data.js";
export type { CompatibleOptions, ReconnectingWebSocketOptions } from "./reconnecting-options.js";
export { type Dynamic, type Protocols, ReconnectingWebSocket } from "./reconnecting-websocket.js";
export { type CurrentHandler, type SocketEventMap, type SocketHandler, WebSocket } from "./websocket.js";
