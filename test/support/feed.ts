// Passes input to a parser in many splits, from borrowed memory, and compares the resulting calls.
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";

/** Consumes the bytes from `start` to `end`, which are borrowed for the call. */
export type Feed = (bytes: Buffer, start: number, end: number) => void;

/** A new subject under test, and the list of the calls that it made. */
export interface FeedSubject<Call> {
  readonly receive: Feed;
  readonly calls: readonly Call[];
}

/** Size in bytes above which an input is not split at every position. */
const maxEveryCutSize = 600;
const edgeSize = 300;
const strideCount = 50;

/**
 * The positions at which an input of `size` bytes is split: all of them, or those near its ends and some
 * between.
 */
export function cutsOf(size: number): number[] {
  const cuts: number[] = [];
  const stride = Math.max(1, Math.floor((size - 2 * edgeSize) / strideCount));
  for (let at = 1; at < size; at++) {
    const isNearEdge = size <= maxEveryCutSize || at <= edgeSize || at >= size - edgeSize;
    if (isNearEdge || (at - edgeSize) % stride === 0) cuts.push(at);
  }
  return cuts;
}

/**
 * Passes `pieces` from one reused buffer, at an odd offset, as a socket would. Throws when the receiver changes
 * the borrowed bytes. Overwrites them before the next piece, so that a kept view is noticed.
 */
export function feedPieces(pieces: Iterable<Uint8Array>, receive: Feed): void {
  const offset = 3;
  let borrowed = Buffer.alloc(0);
  for (const piece of pieces) {
    if (borrowed.length < offset + piece.length + 1) borrowed = Buffer.alloc(offset + piece.length + 1);
    borrowed.fill(0xa5);
    borrowed.set(piece, offset);
    receive(borrowed, offset, offset + piece.length);
    if (!borrowed.subarray(offset, offset + piece.length).equals(piece))
      throw new Error("The receiver changed the borrowed bytes.");
  }
  borrowed.fill(0x5a);
}

/** Splits `input` at each of `positions`. */
export function cutAt(input: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const bounds = [0, ...positions, input.length];
  return bounds.slice(1).map((end, index) => input.subarray(bounds[index], end));
}

function* bytesOf(input: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < input.length; at++) yield input.subarray(at, at + 1);
}

/** Compares long lists of bytes quickly, and reports the difference. */
export function expectSame(actual: unknown, expected: unknown, how?: string): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual, how).toStrictEqual(expected);
}

/**
 * Passes the same input whole, byte by byte, and split in two at each position, each time to a new subject.
 * Expects the same calls each time.
 */
export function expectAtEverySplit<Call>(
  input: Uint8Array,
  begin: () => FeedSubject<Call>,
  expected: readonly Call[],
): void {
  const check = (how: string, pieces: Iterable<Uint8Array>): void => {
    const { receive, calls } = begin();
    feedPieces(pieces, receive);
    expectSame(calls, expected, how);
  };
  check("whole", [input]);
  check("byte by byte", bytesOf(input));
  for (const at of cutsOf(input.length)) check(`cut at ${at}`, cutAt(input, [at]));
}
