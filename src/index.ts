/**
 * A WebSocket client for Node.js without runtime dependencies. This module only exports the public interface. A module
 * whose exports are all public is exported as a whole.
 *
 * @packageDocumentation
 */
export { connect } from "./client/connect.js";
export { json, type JsonMessages, raw } from "./client/sending/default-messages.js";
export { nodeRuntime } from "./client/runtime.js";
export type { SendResult } from "./client/sending/sender.js";
export type { ListenerOptions } from "./client/receiving/listener-options.js";
export { type Masked, type MaskedBody, type MaskedFields, unmasked } from "../protocol/index.js";
export { WebSocket, WebSocket as JetSocket } from "./client/websocket.js";
export * from "./errors.js";
export type * from "./events/close-report.js";
export type * from "./events/event-map.js";
export type * from "./events/tls-details.js";
export type * from "./options/options.js";
export type * from "./runtime/runtime.js";
export type * from "./runtime/transport.js";
export type { WaitOptions } from "./runtime/wait.js";
export type { DurationName, Stats } from "./stats/statistics.js";
export type { HistogramSnapshot } from "./stats/histogram.js";
export { prometheus, type PrometheusSource } from "./stats/metrics.js";
