// The policy and the port of the replay engine: the settings that it reads and the functions that it calls. This module
// contains no logic.
import type { Cursors } from "../options/layer-options.js";
import type { IsNext } from "./id-window.js";
import type { ReplayRequest } from "./message-stream.js";
import type { Sequence } from "./sequence-window.js";

/** The name of the stream of all messages for which `streamOf` returns `undefined`. */
export const defaultStream = "default";

/**
 * The options of the replay engine. They contain limits, and functions that return the id, the stream and the epoch of
 * a received message. Times are in milliseconds.
 */
export interface ReplayPolicy<Value> {
  /** Returns the id of a message. A message without an id belongs to no stream and is delivered unchanged. */
  readonly sequence: (message: Value) => Sequence | null | undefined;
  /** Returns whether the id `current` directly follows the id `previous`. Default: integers that increase by one. */
  readonly isNext: IsNext | undefined;
  /** Returns the name of the stream of a message. Default: one stream for all messages. */
  readonly streamOf: ((message: Value) => string | number | undefined) | undefined;
  /**
   * Returns the epoch of a message. A message whose epoch differs from the epoch of the cursor restarts the stream.
   * `null` or `undefined` means that the epoch has not changed.
   */
  readonly epochOf: ((message: Value, connectionCount: number) => Sequence | null | undefined) | undefined;
  /** Number of recent ids that are remembered to recognize duplicates. */
  readonly window: number;
  /**
   * True if the application can replay missed messages. In this case, a stream with a gap buffers its messages until
   * the missing messages arrive.
   */
  readonly hasReplay: boolean;
  /** Maximum number of buffered messages of one stream. At this number, the buffered messages are delivered. */
  readonly maxWaiting: number;
  /**
   * Maximum bytes of the buffered messages of all streams together. A separate limit of the same size applies to the
   * waiting messages of an overlap.
   */
  readonly maxBytes: number;
  /** Maximum number of remembered streams. Only streams with buffered messages may exceed this number. */
  readonly maxStreams: number;
  /** Maximum time for which the messages of a stream are buffered. */
  readonly recoveryTimeout: number;
  /** The cursors that an earlier client stored. */
  readonly cursors: Cursors | undefined;
}

/**
 * The functions that the engine calls. They must not throw. They may call every method of the engine except `locate`
 * and `receive`.
 */
export interface ReplayPort<Message> {
  /** Returns the memory of a buffered message in bytes. */
  sizeOf(message: Message): number;
  deliver(message: Message): void;
  /** Messages are missing before `received`. `expected` is `undefined` if ids are compared by `isNext`. */
  onGap(stream: string, expected: number | undefined, received: Sequence): void;
  /** The missing messages were delivered; `count` is their number. The buffered messages follow. */
  onRecovered(stream: string, count: number): void;
  /** The engine has stopped waiting for missing messages, or the numbering of the stream has restarted. */
  onReset(stream: string): void;
  /** A function of the application failed. */
  onError(error: unknown): void;
  /**
   * Calls the application's `onReplay` with the cursors of `request`. The result is passed to one of the engine's
   * `onReplay…` methods.
   */
  startReplay(request: ReplayRequest<Message>): void;
  /** Must start a timer that calls `onTimer` at the time `at`. This timer replaces the previous timer. */
  onNextAt(at: number): void;
  /**
   * In an overlap, the old connection has delivered all messages that precede the first messages of the new connection.
   * The old connection may now be closed.
   */
  onOverlapCaughtUp(): void;
  /** Too many messages of the new connection wait. The new connection must be paused until the overlap ends. */
  onOverlapFull(): void;
}
