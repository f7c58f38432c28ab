// Recognises the names of secrets, such as the names of header fields and query parameters. It does not read values.

/** A name is that of a secret if it contains one of these words at any position. */
const secretPart =
  /token|secret|pass(?:w|phrase|code)|signature|credential|ticket|jwt|session|bearer|authori[sz]|authenti|cookie/;

/**
 * A name is that of a secret if a word of it ends with `key`, `auth` or `pwd`, or is one of the other words. Examples:
 * `streamKey`, `oauth` and `pin2` name secrets. `keyframe`, `author` and `pinned` do not.
 */
const secretWord = /(?:keys?|auth|pwd|\b(?:sign?|sid|csrf|xsrf|creds?|code|pass|pin|otp|hmac|tk|rt))\d*\b/;

/** Returns true if the name suggests that its value is a secret. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/[^a-z\d]+/gi, " ")
    .toLowerCase();
  // The unsplit name is tested, too: `ToKeN` is one word, but its capital letters would split it into three words.
  return secretPart.test(name.toLowerCase()) || secretPart.test(words) || secretWord.test(words);
}
