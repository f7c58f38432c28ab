// Hides credentials in the names of subprotocols. It does not check whether a name is valid.
import { hideRandom } from "./random-text.js";
import { isSecretName } from "./secret-name.js";

/**
 * Returns the name with `***` in place of what may be a credential.
 *
 * Browsers cannot send an Authorization header, so services accept a credential as a part of a subprotocol:
 * `base64url.bearer.authorization.k8s.io.x`, `openai-insecure-api-key.x`.
 */
export function displaySubprotocol(name: string): string {
  for (const { 0: word, index } of name.matchAll(/[a-z]+(?![a-z])[^a-z\d]*(?=[a-z\d])/gi))
    if (isSecretName(word)) return `${hideRandom(name.slice(0, index + word.length))}***`;
  return hideRandom(name);
}
