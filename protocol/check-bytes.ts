/**
 * Refuses what is no array of bytes: the length of an ArrayBuffer or of a wider typed array would be taken for its bytes, and a frame
 * that is not valid would be sent. An array of bytes of another realm passes, for it is no instance of the class here.
 * @throws TypeError
 */
export function checkBytes(bytes: Uint8Array): void {
  if (bytes.BYTES_PER_ELEMENT === 1) return;
  throw new TypeError(
    "The protocol takes bytes as a Uint8Array or a Buffer: make a Uint8Array of anything else.",
  );
}
