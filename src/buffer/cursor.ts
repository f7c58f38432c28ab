import type { Sequence } from "./sequence-window.js";

/** How far a stream was delivered. Plain and fit for JSON. */
export interface Cursor {
  readonly sequence: Sequence;
  /** The numbering that `sequence` belongs to; absent where there is only one. */
  readonly epoch?: Sequence;
}

/** A cursor by the name of its stream. Plain and fit for JSON. */
export type Cursors = Readonly<Record<string, Cursor>>;
