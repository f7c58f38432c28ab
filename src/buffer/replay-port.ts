import type { Cursors } from "./cursor.js";
import type { IsNext } from "./id-window.js";
import type { ReplayRequest } from "./message-stream.js";
import type { Sequence } from "./sequence-window.js";

/** The stream of messages for which the user names none. */
export const defaultStream = "default";

/** How received messages are numbered, and what is done about those that are missing. Times are milliseconds. */
export interface ReplayPolicy<Value> {
  /** The id of a message; none for one that is outside of every sequence: it passes untouched. */
  readonly sequence: (message: Value) => Sequence | null | undefined;
  /** Whether `current` follows `previous` with nothing between them. Default: numbers that count by one. */
  readonly isNext: IsNext | undefined;
  /** The stream that numbers a message. Default: one for all. */
  readonly streamOf: ((message: Value) => string | number | undefined) | undefined;
  /** The numbering of a message: one that differs from the cursor's begins the stream anew; none is the one before. */
  readonly epochOf: ((message: Value, connectionCount: number) => Sequence | null | undefined) | undefined;
  /** How many ids back a double is recognized. */
  readonly window: number;
  /** The user can have missed messages repeated: a stream with a gap is held until then. */
  readonly hasReplay: boolean;
  /** So many held messages of one stream are not kept waiting any longer. */
  readonly maxWaiting: number;
  /** Bytes that the held messages of all streams may take, and as many those of an overlap. */
  readonly maxBytes: number;
  /** How many streams are remembered; more only while they hold messages. */
  readonly maxStreams: number;
  /** So long is a stream held at most. */
  readonly recoveryTimeout: number;
  /** Where an earlier life has left off. */
  readonly cursors: Cursors | undefined;
}

/** What the engine tells its owner. No call of it may throw; in each, the engine may be called but for `receive`. */
export interface ReplayPort<Message> {
  /** Bytes of memory that a message counts for while it is held. */
  sizeOf(message: Message): number;
  deliver(message: Message): void;
  /** Messages are missing before `received`; `expected` is known where ids count by one. */
  onGap(stream: string, expected: number | undefined, received: Sequence): void;
  /** What was missing was delivered, `count` messages; the ones that waited for them follow. */
  onRecovered(stream: string, count: number): void;
  /** The sequence is broken: what was missing is not waited for any longer, or the numbering begins anew. */
  onReset(stream: string): void;
  /** A function of the user's has failed. */
  onError(error: Error): void;
  /** Calls the user's `onReplay` with the cursors of `request`, which is to be answered by the engine's `onReplay…`. */
  startReplay(request: ReplayRequest<Message>): void;
  /** The timer that calls `onTimer` is to be set to `at`. */
  onNextAt(at: number): void;
  /** In an overlap: the new link goes on where the old one is, which may be closed. */
  onOverlapCaughtUp(): void;
  /** In an overlap: so much waits that the new link is to be paused until the end of it. */
  onOverlapFull(): void;
}
