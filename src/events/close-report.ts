/**
 * Types of the report on the end of a connection. This module does not contain the code that creates reports.
 */
import type { TlsDetails } from "./tls-details.js";
import type { ErrorReport, JetSocketError, MaskedBody, MaskedFields } from "../../protocol/index.js";
import type { AddressAttempt } from "./address-attempt.js";

/** The phase that a connection had reached when it ended, or when the attempt to open it failed. */
export type Phase = "provider" | "dns" | "tcp" | "proxy" | "tls" | "http" | "setup" | "open" | "closing";

/** Why a connection ended. */
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

/** An entry in the event log of a connection. The log does not contain messages. */
export interface ReportedEvent {
  /** Milliseconds since the start of the attempt. */
  readonly atMs: number;
  readonly name: string;
  readonly detail: string;
}

/** Describes the end of one connection, or one failed attempt. The object is frozen. */
export interface CloseReport extends ErrorReport {
  readonly verdict: Verdict;
  /** One sentence that says what to do. */
  readonly advice: string;
  /** Whether another attempt may succeed. The client uses the same rule to decide whether to reconnect. */
  readonly isRetryable: boolean;
  /** Who ended the connection: this client, the peer, or the network. */
  readonly initiatedBy: "us" | "peer" | "network";
  /** The phase that the connection had reached. */
  readonly phase: Phase;
  /** The URL, without credentials. */
  readonly url: string;
  /**
   * The code of the sent Close frame. It is 1005 for an empty Close frame and `undefined` if no Close frame was sent.
   */
  readonly codeSent: number | undefined;
  /**
   * The code of the received Close frame. It is 1005 for an empty Close frame and `undefined` if no Close frame was
   * received.
   */
  readonly codeReceived: number | undefined;
  /** The reason in the received Close frame. If no Close frame was received, the reason in the sent Close frame. */
  readonly reason: string;
  /**
   * The reason in the received Close frame. It is `undefined` if no Close frame was received. Inspecting the report and
   * converting it to JSON do not show it.
   */
  readonly reasonReceived: string | undefined;
  /** `true` if one Close frame was sent and one was received (RFC 6455 7.1.4). */
  readonly wasClean: boolean;
  /** The error that ended the connection, with errno, TLS code or HTTP status; `undefined` if there was no error. */
  readonly error: JetSocketError | undefined;
  /** The status of the HTTP response that rejected the handshake. */
  readonly statusCode: number | undefined;
  /**
   * The header fields of the HTTP response that rejected the handshake. Values of cookies, credentials and URLs are
   * hidden; `headers.unmasked()` returns the received fields.
   */
  readonly headers: MaskedFields;
  /** The first bytes of the body of that response. Inspecting it and converting it to JSON show only its size. */
  readonly body: MaskedBody;
  /** Milliseconds for which the connection was open. */
  readonly ageMs: number;
  /** Milliseconds since the last byte arrived; `undefined` if no byte arrived. */
  readonly lastReceivedMs: number | undefined;
  /** Milliseconds for which the client paused reading, because received messages were not consumed. */
  readonly pausedMs: number;
  /** Number of accepted messages of which no byte was passed to the kernel. */
  readonly messagesUnsent: number;
  /**
   * Number of messages that were passed to the kernel, in whole or in part, and that the peer may not have read.
   * Messages of an outbox with `acknowledges` count until they are acknowledged. Any other message counts until the
   * peer answers a later ping or this client's Close frame. A Close frame of the peer counts as an answer only if this
   * client sent its Close frame first and both Close frames have the same code.
   */
  readonly messagesUncertain: number;
  /** Number of sent pings that were not answered when the connection ended. */
  readonly unansweredPings: number;
  /** Largest delay of a heartbeat timer in milliseconds. It shows how long the event loop was blocked. */
  readonly loopLagMs: number;
  /** The IP addresses that were tried, of the server or of the proxy, in the order of their starts. */
  readonly addresses: readonly AddressAttempt[];
  /**
   * How TLS protected the connection; `undefined` without TLS, or if the attempt failed before the certificate was
   * accepted by its authority.
   */
  readonly tls: TlsDetails | undefined;
  /** The last 32 entries of the event log, oldest first. */
  readonly events: readonly ReportedEvent[];
}
