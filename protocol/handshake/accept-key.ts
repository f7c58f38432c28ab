// The Sec-WebSocket-Key of a client and the matching Sec-WebSocket-Accept of a server.
import { handshakeGuid } from "../constants.js";
import type { FillRandom } from "../masking-keys.js";
import { nodeCrypto } from "../node-modules.js";

/** Returns a new Sec-WebSocket-Key: 16 random bytes in base64 (RFC 6455 4.1). */
export function createKey(fillRandom: FillRandom): string {
  const nonce = Buffer.allocUnsafe(16);
  fillRandom(nonce);
  return nonce.toString("base64");
}

/** Returns the Sec-WebSocket-Accept value for `key` (RFC 6455 4.2.2). */
export function acceptKey(key: string): string {
  return nodeCrypto().hash("sha1", key + handshakeGuid, "base64");
}
