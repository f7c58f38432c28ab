// The policy and the port of the replay engine: what the engine reads and what it calls. This module has no logic.
import type { Cursors } from "../options/layer-options.js";
import type { IsNext } from "./id-window.js";
import type { ReplayRequest } from "./message-stream.js";
import type { Sequence } from "./sequence-window.js";

/** The name of the stream of messages for which `streamOf` returns none. */
export const defaultStream = "default";

/** How received messages are numbered, and what happens when messages are missing. Times are in milliseconds. */
export interface ReplayPolicy<Value> {
  /** Returns the id of a message. A message without an id belongs to no stream and is delivered unchanged. */
  readonly sequence: (message: Value) => Sequence | null | undefined;
  /** Whether `current` follows `previous` with no message between them. Default: integers that increase by one. */
  readonly isNext: IsNext | undefined;
  /** Returns the name of the stream that a message belongs to. Default: one stream for all messages. */
  readonly streamOf: ((message: Value) => string | number | undefined) | undefined;
  /**
   * Returns the epoch of a message. An epoch that differs from that of the cursor restarts the stream. `undefined`
   * means the same epoch as before.
   */
  readonly epochOf: ((message: Value, connectionCount: number) => Sequence | null | undefined) | undefined;
  /** Number of recent ids among which a duplicate is recognized. */
  readonly window: number;
  /** True if the application can replay missed messages. Then a stream with a gap is buffered until they arrive. */
  readonly hasReplay: boolean;
  /** Maximum number of buffered messages of one stream. When it is reached, they are delivered. */
  readonly maxWaiting: number;
  /**
   * Maximum bytes of the buffered messages of all streams. The same limit applies separately to the waiting messages of
   * an overlap.
   */
  readonly maxBytes: number;
  /** Maximum number of remembered streams. It is exceeded only by streams with buffered messages. */
  readonly maxStreams: number;
  /** Maximum time for which the messages of a stream are buffered. */
  readonly recoveryTimeout: number;
  /** The cursors that an earlier client stored. */
  readonly cursors: Cursors | undefined;
}

/** What the engine calls. No method may throw. Each method may call the engine, except `receive`. */
export interface ReplayPort<Message> {
  /** Returns the bytes of memory that a message counts for while it is buffered. */
  sizeOf(message: Message): number;
  deliver(message: Message): void;
  /** Messages are missing before `received`. `expected` is `undefined` if ids are compared by `isNext`. */
  onGap(stream: string, expected: number | undefined, received: Sequence): void;
  /** The missing messages were delivered; `count` is their number. The messages that waited for them follow. */
  onRecovered(stream: string, count: number): void;
  /** The sequence is interrupted: the engine no longer waits for missing messages, or the numbering has restarted. */
  onReset(stream: string): void;
  /** A function of the application failed. */
  onError(error: Error): void;
  /**
   * Calls the application's `onReplay` with the cursors of `request`. The result is passed to one of the engine's
   * `onReplay…` methods.
   */
  startReplay(request: ReplayRequest<Message>): void;
  /** The timer that calls `onTimer` must be set to `at`. */
  onNextAt(at: number): void;
  /**
   * In an overlap: the old connection has delivered everything before the first messages of the new one, so it may be
   * closed.
   */
  onOverlapCaughtUp(): void;
  /** In an overlap: too many messages wait, so the new connection must be paused until the overlap ends. */
  onOverlapFull(): void;
}
