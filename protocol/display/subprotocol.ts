// Hides credentials in the names of subprotocols. It does not check whether a name is valid.
import { hideRandom } from "./random-text.js";

/**
 * Browsers cannot send an Authorization header, so services accept a credential as a part of a subprotocol:
 * `base64url.bearer.authorization.k8s.io.x`, `openai-insecure-api-key.x`.
 */
const label =
  /(?:bearer|token|authorization|auth|api[-_]?key|secret|jwt|passw(?:or)?d|credential|session)s?(?![a-z])/i;

/** Returns the name with `***` in place of what may be a credential. */
export function displaySubprotocol(name: string): string {
  const found = label.exec(name);
  const end = found === null ? name.length : found.index + found[0].length;
  const rest = name.slice(end);
  if (!/[a-z\d]/i.test(rest)) return hideRandom(name);
  return `${hideRandom(name.slice(0, end))}${/^[^a-z\d]?/i.exec(rest)![0]}***`;
}
