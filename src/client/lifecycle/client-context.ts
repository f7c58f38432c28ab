/** The interface of a client to its connection supervisor and its reconnector. This module contains types only. */
import type { CloseReport } from "../../events/close-report.js";
import type { MessageHub, MessageHubClient } from "../message-hub.js";
import type { RequestSource } from "../connection/request.js";
import type { PendingCalls } from "./pending-calls.js";
import type { StateMachine } from "./state.js";
import type { StopReasons } from "./stop-reasons.js";

/** The parts of a client that all of its connections share. */
export interface ClientContext extends Pick<
  MessageHubClient,
  "publicClient" | "options" | "emitter" | "statistics" | "reportError" | "reportFunctionError"
> {
  readonly source: RequestSource;
  readonly states: StateMachine;
  readonly stopReasons: StopReasons;
  readonly calls: PendingCalls;
  readonly hub: MessageHub;
  /** The client has ended: no connection is left, and none follows. */
  onOver(report: CloseReport): void;
}
