/**
 * A WebSocket client for Node.js without runtime dependencies. This module only exports the public interface.
 *
 * @packageDocumentation
 */
export { connect } from "./client/connect.js";
export { json, type JsonMessages, raw } from "./client/sending/default-messages.js";
export { nodeRuntime } from "./client/runtime.js";
export type { SendResult } from "./client/sending/sender.js";
export type { ListenerOptions } from "./client/receiving/listener-options.js";
export { WebSocket, WebSocket as JetSocket } from "./client/websocket.js";
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
export type {
  BorrowedMessage,
  DroppedEvent,
  EventMap,
  EventName,
  Listener,
  State,
} from "./events/event-map.js";
export type {
  AttemptContext,
  BackoffOptions,
  BufferOptions,
  CompressOptions,
  CreateConnection,
  Cursor,
  Cursors,
  Deserializer,
  HeadersInit,
  HeartbeatOptions,
  LayerOption,
  LayerOptions,
  MessageOptions,
  NarrowingRecvOptions,
  OutboxId,
  OutboxOptions,
  PingOptions,
  Provided,
  RawData,
  RawMessageOptions,
  RecvOptions,
  Replayed,
  ReplayOptions,
  RotationOptions,
  SequenceId,
  Serializer,
  SetupConnection,
  SetupPingOptions,
  SetupRawOptions,
  SetupRecvOptions,
  SetupSendOptions,
  Url,
  WebSocketOptions,
} from "./options/options.js";
export type { Runtime, Timer } from "./runtime/runtime.js";
export type { WaitOptions } from "./runtime/wait.js";
export type { DurationName, Stats } from "./stats/statistics.js";
export type { HistogramSnapshot } from "./stats/histogram.js";
export { prometheus, type PrometheusSource } from "./stats/metrics.js";
export type {
  OpenTransport,
  Transport,
  TransportHandler,
  TransportPhase,
  TransportTarget,
} from "./runtime/transport.js";
