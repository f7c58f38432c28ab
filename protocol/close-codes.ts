// The WebSocket close codes, and a check of the codes that are allowed in a Close frame. This module does not check
// close reasons.

/** The close codes that have a name in RFC 6455 7.4.1 or in the IANA registry. */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** The reported code for a Close frame that contains no code. A Close frame never contains 1005. */
  noStatus: 1005,
  /** The reported code for a connection that ended without a Close frame. A Close frame never contains 1006. */
  abnormal: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
  mandatoryExtension: 1010,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  badGateway: 1014,
  /** The reported code for a failed TLS handshake. A Close frame never contains 1015. */
  tlsHandshake: 1015,
} as const;

/** Maximum size of a close reason in bytes: 125 bytes of payload (RFC 6455 5.5) without the 2 bytes of the code. */
export const maxCloseReasonSize = 123;

/**
 * Returns whether a Close frame may carry `code`.
 *
 * RFC 6455 7.4.2: codes 0-999 are not used. Codes 1000-2999 belong to the protocol: a Close frame may carry a code that
 * the IANA registry lists and does not reserve. Codes 3000-4999 belong to libraries and applications.
 */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}
