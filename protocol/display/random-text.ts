// Finds text that looks like a token, a key or another random value. It does not know names, and it does not find short
// or pronounceable secrets.

/** Shortest text that is examined, in UTF-16 code units. OpenSSL prints thread ids of 16 hexadecimal digits. */
const minSize = 18;
/** A sequence of letters and digits of this length is random if at least one in 8 characters is a digit. */
const minRun = 20;
/** Longest sequence of letters and digits that may be a word. */
const maxWord = 40;
/** Least number of different characters in a random sequence without digits. */
const minDifferent = 8;

const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Returns true if the text looks random. */
export function looksRandom(text: string): boolean {
  if (text.length < minSize) return false;
  if (uuid.test(text) || text.split(/[^a-z\d]+/i).some(isRandomRun)) return true;
  // A random value changes often between upper case, lower case and digits. A name such as `Base64DecodingError` does
  // not.
  const changes = text.match(/[a-z](?=[A-Z\d])|[A-Z](?=[a-z\d])|\d(?=[a-zA-Z])/g)?.length ?? 0;
  return changes >= text.length * (/\d/.test(text) ? 0.27 : 0.4);
}

function isRandomRun(run: string): boolean {
  if (run.length > maxWord && new Set(run).size >= minDifferent) return true;
  return run.length >= minRun && run.replace(/\D+/g, "").length >= run.length / 8;
}

/** Replaces each word that looks random by `***`. Its time is linear in the length of the text. */
export function hideRandom(text: string): string {
  return text
    .replace(/\beyJ[\w-]{6,}(?:\.[\w-]*)*/g, "***")
    .replace(/[\w+~-]{18,}/g, (word) => (looksRandom(word) ? "***" : word));
}
