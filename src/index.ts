/**
 * A WebSocket client for Node.js that needs nothing but Node.
 *
 * @packageDocumentation
 */
export { connect } from "./client/connect.js";
export { raw } from "./client/default-messages.js";
export type { RawData, RawMessageOptions } from "./client/outgoing.js";
export { nodeRuntime } from "./client/runtime.js";
export { type PingOptions, type SendResult, WebSocket, WebSocket as JetSocket } from "./client/websocket.js";
export type { MessageOptions } from "./connection/send-queue.js";
export {
  BufferOverflowError,
  CloseError,
  ConnectionError,
  HandshakeError,
  InvalidStateError,
  JetSocketError,
  ProtocolError,
  TimeoutError,
} from "./errors.js";
export type { CloseReport, Phase, ReportedEvent, Verdict } from "./events/close-report.js";
export type { DroppedEvent, EventMap, EventName, Listener, State } from "./events/event-map.js";
export type {
  AttemptContext,
  BufferOptions,
  CompressOptions,
  CreateConnection,
  Deserializer,
  HeadersInit,
  LayerOption,
  Provided,
  Serializer,
  Url,
  WebSocketOptions,
} from "./options/options.js";
export type { Runtime, Timer } from "./runtime/runtime.js";
export type { WaitOptions } from "./runtime/wait.js";
export type { Stats } from "./stats/counters.js";
export type {
  OpenTransport,
  Transport,
  TransportHandler,
  TransportPhase,
  TransportTarget,
} from "./transport/transport.js";
