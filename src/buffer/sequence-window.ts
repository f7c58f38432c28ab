/** What numbers a message within its stream. */
export type Sequence = number | string;

/**
 * How an id stands to those that its stream has delivered: the first of all, the one that must come next, one with a hole
 * before it, one that fills such a hole, one delivered already, or one from before all that is remembered.
 */
export type SequenceStatus = "first" | "next" | "ahead" | "late" | "duplicate" | "restart";

/** What the windows of all streams share. */
export interface WindowBounds {
  /** How many ids back a double is recognized. */
  readonly size: number;
  /** While `true` nothing is forgotten: what a second link repeats may lie further back than `size`. */
  isFrozen: boolean;
}

/** The ids of one stream that were delivered last, and where its cursor stands. */
export interface SequenceWindow {
  /** The last id in order; `undefined` before the first. */
  readonly sequence: Sequence | undefined;
  /** The id that must come next; `undefined` where only the user's `isNext` knows. */
  readonly expected: number | undefined;
  /** `true` where ids can be put in order by `<`. */
  readonly isOrdered: boolean;
  /** The hot path: where `id` is the next one it is taken, and the answer is `true`. */
  advance(id: Sequence): boolean;
  /**
   * Takes nothing.
   * @throws TypeError for an id that cannot be judged; and what the user's `isNext` throws.
   */
  classify(id: Sequence): SequenceStatus;
  /** Takes an id that was judged to be next or ahead: the cursor moves there. */
  move(id: Sequence, status: "next" | "ahead"): void;
  /** Takes an id that is late: the cursor stays. */
  fill(id: Sequence): void;
  /**
   * An id that was taken before has come again.
   * @throws What the user's `isNext` throws.
   */
  repeat(id: Sequence): void;
  /** The stream begins anew with `id`. */
  restart(id: Sequence): void;
  /** A cursor from an earlier life. */
  resume(sequence: Sequence): void;
  /** Nothing more is forgotten while the bounds say so. */
  freeze(): void;
  /** Where the cursor stood before a delivered `id`; `undefined` where that is not known. */
  before(id: Sequence): Sequence | undefined;
}
