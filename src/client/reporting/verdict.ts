import { CloseCode, HandshakeError, ProtocolError } from "../../../protocol/index.js";
import { TimeoutError } from "../../errors.js";
import type { Phase, Verdict } from "../../events/close-report.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";

/** After so much silence either way it was most likely a box in between that cut the link. */
const idleTime = 30_000;

/** Judges an attempt that failed. */
export function judgeAttempt(phase: Phase, error: Error | undefined): Verdict {
  // What a function of the user's fails with may be of our classes too, and says nothing of this attempt.
  if (phase === "provider" || phase === "setup") return "setup-failed";
  // What `checkServerIdentity` refuses with may be one of our errors, and says nothing of this attempt either.
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
      // RFC 8446 4.4.2.4: under TLS 1.3 the server's word on our certificate comes behind the handshake.
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

/** Judges the end of an open connection. */
export function judgeEnd(end: ConnectionEnd): Verdict {
  if (end.error instanceof ProtocolError) return judgeFailure(end.error);
  if (end.error instanceof TimeoutError && end.error.operation === "heartbeat") return "heartbeat-timeout";
  if (codeOf(end.error) === "MUTUAL_STALL") return "local-stall";
  if (end.initiatedBy === "us") return "closed-by-us";
  if (end.closeReceived !== undefined) return judgeCloseCode(end.closeReceived.code);
  const silence = end.endedAt - Math.max(end.lastReceivedAt, end.lastSentAt);
  return silence >= idleTime ? "idle-cut" : "network-lost";
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

/** Whether a certificate was refused, which will not mend itself. */
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
  normal: "The server had no more to say; connect again if you expect more.",
  "going-away": "The server goes down or the client left its page; connect again after a moment.",
  "server-restart":
    "The server restarts; connect again after a random wait, so that not all clients come at once.",
  "server-error":
    "The server failed; connect again with growing waits, and tell its operators if it goes on.",
  "rate-limited": "The server has too much to do; wait as long as it asks for before the next attempt.",
  auth: "Check the token or password, and whether it has expired; trying again with the same will not help.",
  policy:
    "The server or a timeout of ours objected to what went over the wire; read the reason and the error.",
  "not-found": "Check the path of the url: the server knows nothing there.",
  "handshake-rejected":
    "Check that the url leads to a WebSocket server; status, headers and body are in the error.",
  "protocol-error": "One of the two ends broke the protocol; the error names the rule.",
  "too-big": "A message was over the limit of the end that received it; raise maxMessageSize if it was ours.",
  "name-not-found": "Check the host of the url and this machine's name service.",
  refused: "Nothing listens at that address, or it cannot be reached; check host, port and firewall.",
  "connect-timeout": "The server did not answer in time; check the address, or raise connectTimeout.",
  tls: "Check the server's certificate, its name and its date, and the option tls.",
  proxy: "Check the address of the proxy and what it demands.",
  "setup-failed": "A function of your own failed before the connection was open; its error is the cause.",
  "network-lost": "The link broke without a Close frame; connect again, and ask for what may be missing.",
  "idle-cut":
    "The link was cut after a long silence, most likely by a box in between: send pings more often.",
  "heartbeat-timeout": "The peer answered no ping in time; connect again.",
  "local-stall":
    "Messages came faster than this process read them; read faster, or bound them by another overflow.",
  rotated: "The connection was replaced on purpose.",
  aborted: "The signal was aborted; nothing is to be done.",
  "closed-by-us": "The connection was closed from this end; nothing is to be done.",
  "closed-by-peer": "The server closed with a code of its own; its documentation says what it means.",
};

/** For a peer that has never answered a ping. */
export const unansweredAdvice: string =
  "The peer has never answered a ping on this connection: where it answers none, give heartbeat.ping and " +
  "heartbeat.isPong for application pings that it does answer; otherwise connect again.";

export function adviceFor(verdict: Verdict): string {
  return advices[verdict];
}
