// The interface of a sequence window. A sequence window remembers the recently delivered ids of a stream. NumberWindow
// and IdWindow implement the interface.

/** The id of a message within its stream. */
export type Sequence = number | string;

/**
 * The status of an id in its stream.
 * - `first`: the first id of the stream.
 * - `next`: the id that follows the cursor.
 * - `ahead`: messages are missing before this id.
 * - `late`: an id that was missing.
 * - `duplicate`: an id that was delivered.
 * - `restart`: an id before all remembered ids, so the numbering has restarted.
 */
export type SequenceStatus = "first" | "next" | "ahead" | "late" | "duplicate" | "restart";

/** The settings of the windows of all streams. */
export interface WindowBounds {
  /** Number of recent ids that are remembered. */
  readonly size: number;
  /** While `true`, no id is forgotten, because a second connection may repeat older ids. */
  isFrozen: boolean;
}

/** The recently delivered ids of one stream, and its cursor. */
export interface SequenceWindow {
  /**
   * The cursor: the last id in sequence. The next message must have the id that follows the cursor. The cursor is
   * `undefined` before the first message.
   */
  readonly sequence: Sequence | undefined;
  /** The next id in order; `undefined` if ids are compared by `isNext`. */
  readonly expected: number | undefined;
  /** True if ids can be compared with `<`. */
  readonly isOrdered: boolean;
  /** Accepts the id if it is the next id. Returns `false` for any other id. This is the hot path. */
  advance(id: Sequence): boolean;
  /**
   * Determines the status of an id and changes nothing.
   * @throws TypeError for an invalid id, and any error that `isNext` throws.
   */
  classify(id: Sequence): SequenceStatus;
  /** Accepts an id of the status `next` or `ahead`, and moves the cursor to this id. */
  move(id: Sequence, status: "next" | "ahead"): void;
  /** Accepts a late id. The cursor does not move. */
  fill(id: Sequence): void;
  /** Handles an accepted id that has arrived again. @throws any error that `isNext` throws. */
  repeat(id: Sequence): void;
  /** Restarts the stream at `id`. */
  restart(id: Sequence): void;
  /** Continues after a cursor that an earlier client stored. */
  resume(sequence: Sequence): void;
  /** Prepares the window for `isFrozen`. Must be called before `isFrozen` becomes `true`. */
  freeze(): void;
  /** Returns the cursor that the stream had before `id` was delivered, or `undefined` if that cursor is unknown. */
  before(id: Sequence): Sequence | undefined;
}
