interface CopyingBytes {
  readonly set: (this: Uint8Array, source: Uint8Array, at: number) => void;
}

/** A look-up on a Buffer takes 5 ns even in optimised code, for Node keeps `Buffer.prototype` as a dictionary. */
const { set } = Uint8Array.prototype as CopyingBytes;

/** What `target.set(source, at)` does. */
export function copyBytes(target: Uint8Array, source: Uint8Array, at: number): void {
  set.call(target, source, at);
}
