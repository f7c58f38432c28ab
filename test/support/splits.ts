// Passes one input to a receiver in all its splits, from borrowed memory that is overwritten after each call.

/** The ways in which a stream may split `bytes`: whole, byte by byte, and in two at each position. */
export function splitsOf(bytes: Uint8Array): Uint8Array[][] {
  const splits = [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))];
  for (let at = 1; at < bytes.length; at++) splits.push([bytes.subarray(0, at), bytes.subarray(at)]);
  return splits;
}

export interface FeedResult<Result> {
  readonly result: Result | undefined;
  /** Converts an index in the last piece, as the receiver saw it, to an index in the whole input. */
  readonly offsetOf: (index: number) => number;
}

const margin = 3;

/**
 * Passes `pieces` to `receive` until it returns a result. Each piece is in borrowed memory between other bytes.
 * The memory is overwritten after the call, like the shared read buffer.
 */
export function feed<Result>(
  pieces: readonly Uint8Array[],
  receive: (bytes: Uint8Array, start: number, end: number) => Result | undefined,
): FeedResult<Result> {
  let before = 0;
  for (const piece of pieces) {
    const end = margin + piece.length;
    const borrowed = new Uint8Array(end + margin).fill(0x0a);
    borrowed.set(piece, margin);
    const result = receive(borrowed, margin, end);
    borrowed.fill(0x0a);
    const offset = before - margin;
    if (result !== undefined) return { result, offsetOf: (index) => index + offset };
    before += piece.length;
  }
  return { result: undefined, offsetOf: (index) => index };
}
