/** Chooses the verdict of an ended attempt or connection, and contains the advice for each verdict. */
import { CloseCode, HandshakeError, ProtocolError } from "../../../protocol/index.js";
import { TimeoutError } from "../../errors.js";
import type { Phase, Verdict } from "../../events/close-report.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";

/** Milliseconds without traffic in both directions after which a loss is attributed to a proxy or firewall. */
const idleThreshold = 30_000;

/** What this client did before an attempt or a connection ended. */
export interface OwnActions {
  /** The option `signal`, or the signal of the only pending `connect()`, was aborted. */
  readonly isAborted: boolean;
  /** `close()` or `terminate()` was called. */
  readonly isClosedByUs: boolean;
  /** True if this client closed the connection because another one replaces it. */
  readonly isRotated: boolean;
}

/** Returns the verdict on an attempt that never opened a connection. */
export function attemptVerdict(phase: Phase, error: Error | undefined, own: OwnActions): Verdict {
  if (own.isAborted) return "aborted";
  return own.isClosedByUs ? "closed-by-us" : judgeAttempt(phase, error);
}

/**
 * Returns the verdict on a connection that completed its opening handshake.
 * @param setupError - The error of a failed `onConnection`.
 */
export function endVerdict(end: ConnectionEnd, own: OwnActions, setupError: Error | undefined): Verdict {
  if (own.isAborted) return "aborted";
  if (setupError !== undefined && !own.isClosedByUs) return "setup-failed";
  return own.isRotated && end.initiatedBy === "us" ? "rotated" : judgeEnd(end);
}

/** Returns the verdict on a failed attempt that this client did not end. */
export function judgeAttempt(phase: Phase, error: Error | undefined): Verdict {
  // A user function may throw an instance of our error classes. It does not describe this attempt.
  if (phase === "provider" || phase === "setup") return "setup-failed";
  // The same holds for an error from `checkServerIdentity`.
  if (tlsFaultOf(error) !== undefined) return "tls";
  if (error instanceof TimeoutError) return "connect-timeout";
  if (error instanceof HandshakeError) return judgeStatus(error);
  switch (phase) {
    case "dns":
      return "name-not-found";
    case "tcp":
      return "refused";
    case "proxy":
      return "proxy";
    case "tls":
      return "tls";
    case "http":
      // RFC 8446 4.4.2.4: with TLS 1.3 the server may reject the client certificate after the handshake.
      return codeOf(error).startsWith("ERR_SSL_") ? "tls" : "network-lost";
    case "open":
    case "closing":
      return "network-lost";
  }
}

function judgeStatus({ statusCode, code }: HandshakeError): Verdict {
  if (code === "CONNECTION_ENDED") return "network-lost";
  if (statusCode === undefined || code !== "UNEXPECTED_STATUS") return "handshake-rejected";
  if (statusCode === 401 || statusCode === 403) return "auth";
  if (statusCode === 404 || statusCode === 410) return "not-found";
  if (statusCode === 429) return "rate-limited";
  return statusCode >= 500 ? "server-error" : "handshake-rejected";
}

/** Returns the verdict on the end of an open connection. */
export function judgeEnd(end: ConnectionEnd): Verdict {
  if (end.error instanceof ProtocolError) return judgeFailure(end.error);
  if (end.error instanceof TimeoutError && end.error.operation === "heartbeat") return "heartbeat-timeout";
  if (codeOf(end.error) === "MUTUAL_STALL") return "local-stall";
  if (end.initiatedBy === "us") return "closed-by-us";
  if (end.closeReceived !== undefined) return judgeCloseCode(end.closeReceived.code);
  const silence = end.endedAt - Math.max(end.lastReceivedAt, end.lastSentAt);
  return silence >= idleThreshold ? "idle-cut" : "network-lost";
}

function judgeFailure(error: ProtocolError): Verdict {
  if (error.code === "INBOX_OVERFLOW") return "local-stall";
  return judgeCloseCode(error.closeCode);
}

function judgeCloseCode(code: number): Verdict {
  switch (code) {
    case CloseCode.normal:
      return "normal";
    case CloseCode.goingAway:
      return "going-away";
    case CloseCode.serviceRestart:
      return "server-restart";
    case CloseCode.internalError:
      return "server-error";
    case CloseCode.tryAgainLater:
      return "rate-limited";
    case CloseCode.policyViolation:
      return "policy";
    case CloseCode.messageTooBig:
      return "too-big";
    case CloseCode.protocolError:
    case CloseCode.unsupportedData:
    case CloseCode.invalidPayload:
    case CloseCode.mandatoryExtension:
      return "protocol-error";
    case 4401:
    case 4403:
      return "auth";
    default:
      return "closed-by-peer";
  }
}

/** Returns true if a certificate was rejected, so that another attempt cannot succeed. */
export function isCertificateError(error: Error | undefined): boolean {
  const code = codeOf(error);
  return /CERT|UNABLE_TO_|ALTNAME|^(INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/.test(
    code,
  );
}

function codeOf(error: Error | undefined): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : "";
}

const advices: Readonly<Record<Verdict, string>> = {
  normal: "The server closed the connection normally; connect again if you expect more messages.",
  "going-away": "The server is shutting down or the peer went away; connect again after a short wait.",
  "server-restart":
    "The server restarts; connect again after a random wait, so that not all clients come at once.",
  "server-error":
    "The server failed; connect again with increasing waits, and inform its operators if the failure persists.",
  "rate-limited":
    "The server is overloaded or limits requests; wait as long as it asks before the next attempt.",
  auth: "Check the token or password, and whether it has expired; another attempt with the same one will fail.",
  policy:
    "The server rejected the traffic as a policy violation, or a local timeout expired; see the reason and the error.",
  "not-found": "Check the path of the URL; the server has no resource there.",
  "handshake-rejected":
    "Check that the URL leads to a WebSocket server; the error contains the status, headers and body.",
  "protocol-error": "One of the two ends violated the protocol; the error names the rule.",
  "too-big":
    "A message exceeded the limit of the end that received it; raise maxMessageSize if this client received it.",
  "name-not-found": "Check the host of the URL and the DNS settings of this machine.",
  refused:
    "Nothing listens at that address, or it cannot be reached; check the host, the port and the firewall.",
  "connect-timeout": "The server did not answer in time; check the address, or raise connectTimeout.",
  tls: "Check the server's certificate, its name and its dates, and the option tls.",
  proxy: "Check the address of the proxy and whether it requires credentials.",
  "setup-failed": "One of your own functions failed before the connection was ready; its error is the cause.",
  "network-lost":
    "The connection broke without a Close frame; connect again, and request the messages that may be missing.",
  "idle-cut":
    "The connection was cut after a long silence, probably by a proxy or a firewall; send pings more often.",
  "heartbeat-timeout": "The peer did not answer a ping in time; connect again.",
  "local-stall":
    "Messages arrived faster than this process read them; read faster, or choose another overflow policy.",
  rotated: "The connection was replaced as intended; no action is necessary.",
  aborted: "The signal was aborted; no action is necessary.",
  "closed-by-us": "This client closed the connection; no action is necessary.",
  "closed-by-peer":
    "The server closed with an application-specific code; see the documentation of the server.",
};

/** The advice for a peer that has never answered a ping. */
export const unansweredAdvice: string =
  "The peer has never answered a ping on this connection. If it does not support ping frames, set heartbeat.ping and " +
  "heartbeat.isPong to use application pings; otherwise connect again.";

export function adviceFor(verdict: Verdict): string {
  return advices[verdict];
}
