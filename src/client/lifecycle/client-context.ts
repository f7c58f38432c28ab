/** Declares what the connections of a client need from it. It contains no code. */
import type { CloseReport } from "../../events/close-report.js";
import type { Emitter } from "../../events/emitter.js";
import type { EventMap } from "../../events/event-map.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Statistics } from "../../stats/statistics.js";
import type { StopReasons } from "./stop-reasons.js";
import type { PendingCalls } from "./pending-calls.js";
import type { RequestSource } from "../connection/request.js";
import type { StateMachine } from "./state.js";
import type { MessageHub } from "../message-hub.js";

/** The dependencies that all connections of one client share. */
export interface ClientContext<Received, Sent> {
  /** The object that users see; it is passed to diagnostics. */
  readonly publicClient: object;
  readonly source: RequestSource;
  readonly options: ResolvedOptions<Received, Sent>;
  readonly states: StateMachine;
  readonly stopReasons: StopReasons;
  readonly calls: PendingCalls;
  readonly emitter: Emitter<EventMap<Received>>;
  readonly hub: MessageHub<Received, Sent>;
  readonly statistics: Statistics;
}

export interface SupervisorHandler {
  reportError(error: unknown): void;
  /** Reports an error that a user function threw. @param what - For example `The option shouldReconnect`. */
  reportFunctionError(what: string, thrown: unknown): void;
  /** The client has ended: no connection is left, and none follows. */
  onOver(report: CloseReport): void;
}
