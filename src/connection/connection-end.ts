// The record of how an open connection ended. It states facts only: `client/reporting` derives the verdict from them.
import type { CloseFrame } from "../../protocol/index.js";
import type { UnsentMessage } from "./message-tokens.js";

/** The facts about the end of an open connection. */
export interface ConnectionEnd {
  readonly initiatedBy: "us" | "peer" | "network";
  /** `closing` if we had called `close()` or the peer's Close had arrived. */
  readonly phase: "open" | "closing";
  readonly closeSent: CloseFrame | undefined;
  readonly closeReceived: CloseFrame | undefined;
  /** The error that broke the connection, if any. */
  readonly error: Error | undefined;
  /** Times are milliseconds on the clock of `Runtime.now()`. */
  readonly openedAt: number;
  readonly endedAt: number;
  readonly lastReceivedAt: number;
  readonly lastSentAt: number;
  readonly pausedMs: number;
  /** Messages of which no byte was passed to the kernel. */
  readonly unsent: readonly UnsentMessage[];
  /** True if the send queue had reached the high-water mark and has not drained to the low-water mark. */
  readonly isDrainPending: boolean;
  /** How many messages were passed to the kernel and may not have been read, or are not acknowledged, by the peer. */
  readonly uncertainCount: number;
  /** How many of our pings have no pong. */
  readonly unansweredPings: number;
  /** How many pings the peer has answered. */
  readonly answeredPings: number;
}
