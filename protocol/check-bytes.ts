// Checks that an argument is an array of bytes. This module does not convert the argument.

/**
 * Throws if the elements of `bytes` are not single bytes. If an element has several bytes, `length` is not the number
 * of bytes, so the frame would be invalid.
 *
 * The check does not use `instanceof`, because a Uint8Array of another realm must be accepted.
 * @throws TypeError
 */
export function checkBytes(bytes: Uint8Array): void {
  if (bytes.BYTES_PER_ELEMENT === 1) return;
  throw new TypeError("The bytes must be a Uint8Array. Convert any other value first.");
}
