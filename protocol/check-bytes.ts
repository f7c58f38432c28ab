// Checks that an argument is an array of bytes. It does not convert the argument.

/**
 * Throws if the elements of `bytes` are not single bytes. The `length` of such a value is not its number of bytes, so
 * sending the value would produce an invalid frame.
 *
 * The check does not use `instanceof`, because a Uint8Array of another realm must be accepted.
 * @throws TypeError
 */
export function checkBytes(bytes: Uint8Array): void {
  if (bytes.BYTES_PER_ELEMENT === 1) return;
  throw new TypeError(
    "The bytes must be a Uint8Array or a Buffer. Convert any other value to a Uint8Array first.",
  );
}
