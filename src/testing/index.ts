/**
 * A test kit for code that uses a WebSocket: a runtime whose time and network move when they are told, and a server that
 * does what a script says, in memory or on 127.0.0.1.
 *
 * @packageDocumentation
 */
export { frame, type FrameParts } from "./frame.js";
export { ClientGoneError } from "./inbox.js";
export type {
  ClientEnd,
  ScriptedAccept,
  ScriptedConnection,
  ScriptedHeaders,
  ScriptedReject,
} from "./scripted-connection.js";
export { ScriptedServer, type ScriptedServerOptions } from "./scripted-server.js";
export type { VirtualPeer } from "./virtual-peer.js";
export { VirtualRuntime, type VirtualRuntimeOptions, type VirtualServer } from "./virtual-runtime.js";
