// Rejects arguments that are not arrays of bytes. It does not convert them.

/**
 * Throws unless each element of `bytes` has one byte. In an array of wider elements, `length` is not the number of
 * bytes. An ArrayBuffer has no `length`. Sending one of these values would produce an invalid frame.
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
