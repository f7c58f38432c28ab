import type { CloseReport } from "../events/close-report.js";
import type { Emitter } from "../events/emitter.js";
import type { EventMap } from "../events/event-map.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { Statistics } from "../stats/statistics.js";
import type { StopReasons } from "./lifecycle/stop-reasons.js";
import type { PendingCalls } from "./lifecycle/pending-calls.js";
import type { RequestSource } from "./connection/request.js";
import type { StateMachine } from "./lifecycle/state.js";
import type { MessageHub } from "./message-hub.js";

/** What a life is lived with. */
export interface ClientContext<Received, Sent> {
  /** What users hold, for those who listen to diagnostics. */
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
  /** The life is over: no connection is left, and none is to come. */
  onOver(report: CloseReport): void;
}
