// Cursors: how far each stream of messages was delivered. The caller can store them as JSON and pass them to a later

// client.
import type { Sequence } from "./sequence-window.js";

/** The last message of a stream that was delivered in order. A plain object that can be serialized as JSON. */
export interface Cursor {
  readonly sequence: Sequence;
  /** The epoch that `sequence` belongs to; absent if the stream has no epochs. */
  readonly epoch?: Sequence;
}

/** Cursors by the name of their stream. A plain object that can be serialized as JSON. */
export type Cursors = Readonly<Record<string, Cursor>>;
