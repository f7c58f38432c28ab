/**
 * A test kit for code that uses a WebSocket. It contains a runtime with virtual time and an in-memory network. It also
 * contains a server that a script controls, in memory or on 127.0.0.1. It does not depend on a test framework.
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
