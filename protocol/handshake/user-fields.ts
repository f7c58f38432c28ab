import type { HeaderField } from "../errors.js";
import { checkField } from "../http/header-fields.js";

/**
 * Checks the header fields that a user adds to a handshake.
 *
 * @throws TypeError for a field that is not well-formed, and for one that the handshake itself fills.
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
        `Header "${name}" belongs to the opening handshake and cannot be given; subprotocols and extensions have options of their own.`,
      );
    }
    if (isBodyField(lowerCaseName)) {
      throw new TypeError(`Header "${name}" cannot be given: an opening handshake has no body.`);
    }
  }
}

/** The fields that tell where a body ends (RFC 9112 6.3). */
export function isBodyField(lowerCaseName: string): boolean {
  return lowerCaseName === "content-length" || lowerCaseName === "transfer-encoding";
}
