// Checks the user's header fields for a handshake. This module does not read received headers.
import type { HeaderField } from "../errors.js";
import { checkField } from "../http/header-fields.js";

/**
 * Checks the header fields that a user adds to a handshake.
 *
 * @throws TypeError for an invalid field, for a field that the handshake itself sets, and for a field that describes a
 *   body.
 */
export function checkUserFields(fields: readonly HeaderField[]): void {
  for (const [name, value] of fields) {
    checkField(name, value);
    if (/^(?:upgrade$|connection$|sec-websocket-)/i.test(name)) {
      throw new TypeError(
        `Header "${name}" is not allowed: the opening handshake sets it. Use the options for subprotocols and extensions.`,
      );
    }
    if (isBodyField(name)) {
      throw new TypeError(`Header "${name}" is not allowed: an opening handshake has no body.`);
    }
  }
}

/** Returns `true` for the fields that determine the length of a body (RFC 9112 6.3). */
export function isBodyField(name: string): boolean {
  return /^(?:content-length|transfer-encoding)$/i.test(name);
}
