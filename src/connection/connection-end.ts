// Describes how an open connection ended. The record contains only facts: `client/reporting` derives the verdict.
import type { CloseFrame } from "../../protocol/index.js";
import type { TlsDetails } from "../events/tls-details.js";
import type { AddressAttempt } from "../runtime/transport.js";
import type { UnsentMessage } from "./message-tokens.js";

/** The facts about the end of an open connection. */
export interface ConnectionEnd {
  /** The IP addresses that were tried. */
  readonly addresses: readonly AddressAttempt[];
  readonly tls: TlsDetails | undefined;
  readonly initiatedBy: "us" | "peer" | "network";
  /** `closing` if this client had called `close()`, or if the peer's Close frame had arrived. */
  readonly phase: "open" | "closing";
  readonly closeSent: CloseFrame | undefined;
  readonly closeReceived: CloseFrame | undefined;
  /** The error that broke the connection; `undefined` if there was none. */
  readonly error: Error | undefined;
  /** All times of this record are milliseconds on the clock of `Runtime.now()`. */
  readonly openedAt: number;
  readonly endedAt: number;
  readonly lastReceivedAt: number;
  readonly lastSentAt: number;
  readonly pausedMs: number;
  /** The unsent messages: the kernel has received no byte of these messages. */
  readonly unsent: readonly UnsentMessage[];
  /** True if the send queue reached the high-water mark and has not drained to the low-water mark since then. */
  readonly isDrainPending: boolean;
  /** Number of uncertain messages: they were passed to the kernel, but it is unknown whether the peer has read them. */
  readonly uncertainCount: number;
  /** Number of sent pings without a pong. */
  readonly unansweredPings: number;
  /** Number of sent pings that the peer has answered. */
  readonly answeredPings: number;
}
