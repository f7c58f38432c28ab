import type { ErrorReport, HeaderField, JetSocketError } from "../../protocol/index.js";

/** Where a connection was when it ended, or when an attempt to open one failed. */
export type Phase = "provider" | "dns" | "tcp" | "proxy" | "tls" | "http" | "setup" | "open" | "closing";

/** Why a connection ended, in one word. */
export type Verdict =
  | "normal"
  | "going-away"
  | "server-restart"
  | "server-error"
  | "rate-limited"
  | "auth"
  | "policy"
  | "not-found"
  | "handshake-rejected"
  | "protocol-error"
  | "too-big"
  | "name-not-found"
  | "refused"
  | "connect-timeout"
  | "tls"
  | "proxy"
  | "setup-failed"
  | "network-lost"
  | "idle-cut"
  | "heartbeat-timeout"
  | "local-stall"
  | "rotated"
  | "aborted"
  | "closed-by-us"
  | "closed-by-peer";

/** Something that happened on a connection; messages are not among these. */
export interface ReportedEvent {
  /** Milliseconds from the beginning of the attempt. */
  readonly atMs: number;
  readonly name: string;
  readonly detail: string;
}

/** Everything that is known of the end of one connection, or of one failed attempt. Frozen. */
export interface CloseReport extends ErrorReport {
  readonly verdict: Verdict;
  /** One sentence: what to do about it. */
  readonly advice: string;
  /** Whether trying again may help, by the rule for reconnecting. */
  readonly isRetryable: boolean;
  readonly initiatedBy: "us" | "peer" | "network";
  readonly phase: Phase;
  /** The url, without credentials. */
  readonly url: string;
  /** The code of our Close frame; 1005 for an empty one, `undefined` where none was sent. */
  readonly codeSent: number | undefined;
  /** The code of the peer's Close frame; 1005 for an empty one, `undefined` where none came. */
  readonly codeReceived: number | undefined;
  /** The reason in the peer's Close frame, or else in ours. */
  readonly reason: string;
  /** `true` where both Close frames went through (RFC 6455 7.1.4). */
  readonly wasClean: boolean;
  /** What broke, with errno, TLS code or HTTP status; `undefined` where nothing did. */
  readonly error: JetSocketError | undefined;
  /** The status and header fields of the answer that refused the handshake. */
  readonly statusCode: number | undefined;
  readonly headers: readonly HeaderField[];
  /** Milliseconds that the connection was open. */
  readonly ageMs: number;
  /** Milliseconds since the last byte came; `undefined` where none came. */
  readonly lastReceivedMs: number | undefined;
  /** Milliseconds for which our own back-pressure paused the reading. */
  readonly pausedMs: number;
  /** Messages accepted of which not a byte was handed to the kernel. */
  readonly messagesUnsent: number;
  /**
   * Messages handed to the kernel, in whole or in part, that the peer may not have read. With `outbox.acknowledges` these
   * are the messages that are not acknowledged. All other messages are those after the last ping whose pong came back;
   * none where our Close was written before the peer's Close came and that echoes its code.
   */
  readonly messagesUncertain: number;
  readonly unansweredPings: number;
  /** By how many milliseconds a timer of the heartbeat was late at most: so long did this process stand still. */
  readonly loopLagMs: number;
  /** The last 32 events, oldest first. */
  readonly events: readonly ReportedEvent[];
}
