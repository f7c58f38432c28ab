// Hides credentials in the names of subprotocols. It does not check whether a name is valid.
import { hideRandom } from "./random-text.js";

/**
 * Browsers cannot send an Authorization header, so services accept a credential as a part of a subprotocol:
 * `base64url.bearer.authorization.k8s.io.x`, `openai-insecure-api-key.x`.
 */
const credential =
  /((?:bearer|token|authorization|auth|key|secret|jwt|pass|password|pwd|ticket|sid|credential|session)s?(?![a-z])[^a-z\d]?).*[a-z\d].*/i;

/** Returns the name with `***` in place of what may be a credential. */
export function displaySubprotocol(name: string): string {
  return hideRandom(name.replace(credential, "$1***"));
}
