// The policy and the port of the replay engine: the settings that it reads and the functions that it calls. This module
// contains no logic.
import type { Cursors } from "../options/layer-options.js";
import type { IsNext } from "./id-window.js";
import type { ReplayRequest } from "./message-stream.js";
import type { Sequence } from "./sequence-window.js";

/** The name of the stream of a message for which `streamOf` returns `undefined`. */
export const defaultStream = "default";

/** The functions that number received messages, and the limits of a replay. Times are in milliseconds. */
export interface ReplayPolicy<Value> {
  /** Returns the id of a message. A message without an id belongs to no stream and is delivered unchanged. */
  readonly sequence: (message: Value) => Sequence | null | undefined;
  /** Returns whether the id `current` directly follows the id `previous`. Default: integers that increase by one. */
  readonly isNext: IsNext | undefined;
  /** Returns the name of the stream of a message. Default: one stream for all messages. */
  readonly streamOf: ((message: Value) => string | number | undefined) | undefined;
  /**
   * Returns the epoch of a message. A message whose epoch differs from the epoch of the cursor restarts the stream.
   * `undefined` means the same epoch as before.
   */
  readonly epochOf: ((message: Value, connectionCount: number) => Sequence | null | undefined) | undefined;
  /** Number of recent ids that are remembered to recognize duplicates. */
  readonly window: number;
  /** True if the application can replay missed messages. A stream with a gap is then buffered until they arrive. */
  readonly hasReplay: boolean;
  /** Maximum number of buffered messages of one stream. They are delivered when this number is reached. */
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
 * The functions that the engine calls. No method may throw. A method may call any method of the engine, except
 * `receive`.
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
  /** Must set the timer that calls `onTimer` to the time `at`. */
  onNextAt(at: number): void;
  /**
   * The old connection of an overlap may be closed: it has delivered all messages before the first messages of the new
   * connection.
   */
  onOverlapCaughtUp(): void;
  /** Too many messages of the new connection wait. The new connection must be paused until the overlap ends. */
  onOverlapFull(): void;
}
