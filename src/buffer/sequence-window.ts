// The interface of a sequence window, which remembers the ids that a stream delivered last. It has two implementations:
// NumberWindow and IdWindow.

/** The id of a message within its stream. */
export type Sequence = number | string;

/**
 * The status of an id in its stream.
 * - `first`: the first id of the stream.
 * - `next`: the id that follows the cursor.
 * - `ahead`: messages are missing before this id.
 * - `late`: a missing id.
 * - `duplicate`: an id that was delivered.
 * - `restart`: an id before all remembered ids, so the numbering has restarted.
 */
export type SequenceStatus = "first" | "next" | "ahead" | "late" | "duplicate" | "restart";

/** Settings that the windows of all streams share. */
export interface WindowBounds {
  /** Number of recent ids among which a duplicate is recognized. */
  readonly size: number;
  /** While `true`, no id is removed, because a second connection may repeat ids that are older than `size`. */
  isFrozen: boolean;
}

/** The recently delivered ids of one stream, and its cursor. */
export interface SequenceWindow {
  /** The last id in order; `undefined` before the first message. */
  readonly sequence: Sequence | undefined;
  /** The next id in order; `undefined` if ids are compared by `isNext`. */
  readonly expected: number | undefined;
  /** True if ids can be compared with `<`. */
  readonly isOrdered: boolean;
  /** Accepts the id if it is the next one. This is the hot path. */
  advance(id: Sequence): boolean;
  /**
   * Determines the status of an id and changes nothing.
   * @throws TypeError for an invalid id, and what `isNext` throws.
   */
  classify(id: Sequence): SequenceStatus;
  /** Accepts an id that is next or ahead, and moves the cursor to it. */
  move(id: Sequence, status: "next" | "ahead"): void;
  /** Accepts a late id. The cursor stays. */
  fill(id: Sequence): void;
  /**
   * An accepted id has arrived again.
   * @throws What `isNext` throws.
   */
  repeat(id: Sequence): void;
  /** Restarts the stream at `id`. */
  restart(id: Sequence): void;
  /** Continues after a cursor that an earlier client stored. */
  resume(sequence: Sequence): void;
  /** Must be called before `isFrozen` is set, so that the window keeps the ids that it remembers now. */
  freeze(): void;
  /** Returns the cursor as it was before a delivered `id`, or `undefined` if it is unknown. */
  before(id: Sequence): Sequence | undefined;
}
