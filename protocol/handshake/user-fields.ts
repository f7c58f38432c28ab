// Checks the user's header fields for a handshake. It does not read received headers.
import type { HeaderField } from "../errors.js";
import { checkField } from "../http/header-fields.js";

/**
 * Checks the header fields that a user adds to a handshake.
 *
 * @throws TypeError for an invalid field, or for a field that the handshake itself sets.
 */
export function checkUserFields(fields: readonly HeaderField[]): void {
  for (const [name, value] of fields) {
    checkField(name, value);
    const lowerCaseName = name.toLowerCase();
    if (
      lowerCaseName === "upgrade" ||
      lowerCaseName === "connection" ||
      lowerCaseName.startsWith("sec-websocket-")
    ) {
      throw new TypeError(
        `Header "${name}" is not allowed: the opening handshake sets it. Use the options for subprotocols and extensions instead.`,
      );
    }
    if (isBodyField(lowerCaseName)) {
      throw new TypeError(`Header "${name}" is not allowed: an opening handshake has no body.`);
    }
  }
}

/** Returns `true` for the fields that determine the length of a body (RFC 9112 6.3). */
export function isBodyField(lowerCaseName: string): boolean {
  return lowerCaseName === "content-length" || lowerCaseName === "transfer-encoding";
}
