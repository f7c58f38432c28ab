import type { CloseFrame } from "../../protocol/index.js";
import type { UnsentMessage } from "./message-tokens.js";

/** What is known of the end of an open connection, before anyone judges it. */
export interface ConnectionEnd {
  readonly initiatedBy: "us" | "peer" | "network";
  /** `closing` where we had asked for the end, or the peer's Close had come. */
  readonly phase: "open" | "closing";
  readonly closeSent: CloseFrame | undefined;
  readonly closeReceived: CloseFrame | undefined;
  /** What broke the connection, if something did. */
  readonly error: Error | undefined;
  readonly openedAt: number;
  readonly endedAt: number;
  readonly lastReceivedAt: number;
  readonly lastSentAt: number;
  readonly pausedMs: number;
  /** The messages of which not a byte was handed to the kernel. */
  readonly unsent: readonly UnsentMessage[];
  /** What waited was above the mark, and has not fallen to the low one. */
  readonly isDrainPending: boolean;
  /** How many messages were handed over and may not have been read, or are not acknowledged, by the peer. */
  readonly uncertainCount: number;
  readonly unansweredPings: number;
  /** How many pings the peer has answered. */
  readonly answeredPings: number;
}
