import { handshakeGuid } from "../constants.js";
import type { FillRandom } from "../masking-keys.js";
import { nodeCrypto } from "../node-modules.js";

/** A fresh Sec-WebSocket-Key: 16 random bytes in base64 (RFC 6455 4.1). */
export function createKey(fillRandom: FillRandom): string {
  const nonce = Buffer.allocUnsafe(16);
  fillRandom(nonce);
  return nonce.toString("base64");
}

/** The Sec-WebSocket-Accept that answers `key` (RFC 6455 4.2.2). */
export function acceptKey(key: string): string {
  return nodeCrypto().hash("sha1", key + handshakeGuid, "base64");
}
