/**
 * A client with the interface of the package `ws` 8. Programs and libraries that use `ws` as a client work with this
 * module instead. This module only exports the public interface.
 *
 * @packageDocumentation
 */
export { createWebSocketStream } from "./stream.js";
export { WebSocketServer } from "./server.js";
export { WebSocket, WebSocket as default } from "./websocket.js";
export type * from "./types.js";
