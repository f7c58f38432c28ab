/**
 * Chooses the verdict on an ended attempt or connection, and contains the advice for each verdict. It does not create
 * the report.
 */
import { CloseCode, HandshakeError, ProtocolError } from "../../../protocol/index.js";
import { TimeoutError } from "../../errors.js";
import type { Phase, Verdict } from "../../events/close-report.js";
import type { ConnectionEnd } from "../../connection/connection-end.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";

/** Minimum silence in both directions, in milliseconds, for the verdict `idle-cut` on a lost connection. */
const idleThreshold = 30_000;

/** What this client did before an attempt or a connection ended. */
export interface OwnActions {
  /** The option `signal`, or the signal of the only pending `connect()`, was aborted. */
  readonly isAborted: boolean;
  /** `close()` or `terminate()` was called. */
  readonly isClosedByUs: boolean;
  /** True if this client closed the connection to replace it by a new connection. */
  readonly isRotated: boolean;
}

/** The verdict on a failed attempt for each phase. The error of the attempt may determine another verdict. */
const phaseVerdicts: Readonly<Record<Exclude<Phase, "provider" | "setup">, Verdict>> = {
  dns: "name-not-found",
  tcp: "refused",
  proxy: "proxy",
  tls: "tls",
  http: "network-lost",
  open: "network-lost",
  closing: "network-lost",
};

/** The verdicts on close codes (RFC 6455 7.4). Any other code has the verdict `closed-by-peer`. */
const closeVerdicts: Readonly<Partial<Record<number, Verdict>>> = {
  [CloseCode.normal]: "normal",
  [CloseCode.goingAway]: "going-away",
  [CloseCode.protocolError]: "protocol-error",
  [CloseCode.unsupportedData]: "protocol-error",
  [CloseCode.invalidPayload]: "protocol-error",
  [CloseCode.policyViolation]: "policy",
  [CloseCode.messageTooBig]: "too-big",
  [CloseCode.mandatoryExtension]: "protocol-error",
  [CloseCode.internalError]: "server-error",
  [CloseCode.serviceRestart]: "server-restart",
  [CloseCode.tryAgainLater]: "rate-limited",
  4401: "auth",
  4403: "auth",
};

/** Returns the verdict on a failed attempt that this client did not end. */
export function judgeAttempt(phase: Phase, error: Error | undefined): Verdict {
  // A user function may throw an error of a class of this package, such as `TimeoutError`. The class of this error says
  // nothing about the attempt.
  if (phase === "provider" || phase === "setup") return "setup-failed";
  // The user function `checkServerIdentity` may also throw an error of a class of this package.
  if (tlsFaultOf(error) !== undefined) return "tls";
  if (error instanceof TimeoutError) return "connect-timeout";
  if (error instanceof HandshakeError) return judgeStatus(error);
  // RFC 8446 4.4.2.4: with TLS 1.3 the server may reject the client certificate after the handshake.
  if (phase === "http" && /^(ERR_SSL|TLS)_/.test(codeOf(error) ?? "")) return "tls";
  return phaseVerdicts[phase];
}

function judgeStatus({ statusCode, code }: HandshakeError): Verdict {
  if (code === "CONNECTION_ENDED") return "network-lost";
  if (statusCode === undefined || code !== "UNEXPECTED_STATUS") return "handshake-rejected";
  if (statusCode === 401 || statusCode === 403) return "auth";
  if (statusCode === 404 || statusCode === 410) return "not-found";
  if (statusCode === 429) return "rate-limited";
  return statusCode >= 500 ? "server-error" : "handshake-rejected";
}

/** Returns the verdict on the end of a connection that completed its opening handshake. */
export function judgeEnd(end: ConnectionEnd): Verdict {
  const { error } = end;
  if (error instanceof ProtocolError)
    return error.code === "INBOX_OVERFLOW" ? "local-stall" : judgeCloseCode(error.closeCode);
  if (error instanceof TimeoutError && error.operation === "heartbeat") return "heartbeat-timeout";
  if (codeOf(error) === "MUTUAL_STALL") return "local-stall";
  if (end.initiatedBy === "us") return "closed-by-us";
  if (end.closeReceived !== undefined) return judgeCloseCode(end.closeReceived.code);
  const silence = end.endedAt - Math.max(end.lastReceivedAt, end.lastSentAt);
  return silence >= idleThreshold ? "idle-cut" : "network-lost";
}

function judgeCloseCode(code: number): Verdict {
  return closeVerdicts[code] ?? "closed-by-peer";
}

/** Returns the property `code` of an error if it is a string. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** The advice for each verdict. */
export const advices: Readonly<Record<Verdict, string>> = {
  normal: "The server closed the connection; connect again for more messages.",
  "going-away": "The peer shuts down or went away; connect again after a short wait.",
  "server-restart": "The server restarts; connect again after a random wait.",
  "server-error": "The server failed; connect again with increasing waits.",
  "rate-limited": "The server is overloaded or limits requests; wait as long as it asks.",
  auth: "Check the token or password, and whether it has expired.",
  policy:
    "The server rejected the traffic, or exceeded messageTimeout, maxFragments or maxControlRate; see reason and error.",
  "not-found": "Check the path of the URL; the server has nothing there.",
  "handshake-rejected": "Check that the URL leads to a WebSocket server; the error contains its answer.",
  "protocol-error": "One of the two ends violated the protocol; the error names the rule.",
  "too-big": "A message is too large for its receiver; raise maxMessageSize if this client received it.",
  "name-not-found": "Check the host of the URL and the DNS settings of this machine.",
  refused:
    "Nothing listens at that address, or it cannot be reached; check the host, the port and the firewall.",
  "connect-timeout": "The server did not answer in time; check the address, or raise connectTimeout.",
  tls: "Check the server's certificate, its name and its dates, and the option tls.",
  proxy: "Check the scheme, the host and the port in the option proxy.",
  "setup-failed": "One of your functions failed before the connection was ready; its error is the cause.",
  "network-lost": "The connection broke without a Close frame; connect again, and request missing messages.",
  "idle-cut": "A proxy or a firewall probably cut the silent connection; send pings more often.",
  "heartbeat-timeout": "The peer did not answer a ping in time; connect again.",
  "local-stall":
    "Messages arrived faster than they were read; read faster, or choose another overflow policy.",
  rotated: "The connection was replaced; no action is necessary.",
  aborted: "The signal was aborted; no action is necessary.",
  "closed-by-us": "This client closed the connection; no action is necessary.",
  "closed-by-peer": "The server closed with a code of its own; see its documentation.",
};

/** The advice after a heartbeat timeout on a connection whose peer has never answered a ping. */
export const unansweredAdvice: string =
  "The peer has never answered a ping; connect again or, if it ignores ping frames, set heartbeat.ping and heartbeat.isPong.";
