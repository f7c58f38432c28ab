/**
 * Types of the options that concern more than a single connection: reconnecting, rotation, heartbeat, buffers and
 * replay. This module does not contain the options of a connection itself, such as headers and limits.
 */
import type { CloseReport } from "../events/close-report.js";
import type { SetupConnection } from "./setup-connection.js";

/**
 * How long a client waits between attempts, and when it stops trying. The wait before retry `n` is at most `min(base *
 * multiplier ** n, cap)` milliseconds. The first retry has the number 0.
 */
export interface BackoffOptions {
  /** Wait before the first retry, in milliseconds; at least 1. Default 1,000. */
  readonly base?: number | undefined;
  /** Factor that multiplies the wait after each retry; at least 1. Fractions are allowed. Default 2. */
  readonly multiplier?: number | undefined;
  /**
   * Longest wait, in milliseconds; at least 1. If `cap` is smaller than `base`, every wait has the length `cap`.
   * Default 60,000.
   */
  readonly cap?: number | undefined;
  /** Shortest wait that `jitter` may choose, in milliseconds. Default 100. */
  readonly floor?: number | undefined;
  /**
   * Chooses each wait at random between `floor` and its full length. This keeps many clients from reconnecting at the
   * same moment. Default `true`.
   */
  readonly jitter?: boolean | undefined;
  /** Number of consecutive attempts that may fail before the client fails. Default 0: no limit. */
  readonly maxAttempts?: number | undefined;
  /**
   * Milliseconds for which the client retries after the first failure. If the next retry would be later, the client
   * fails instead. Default: no limit.
   */
  readonly maxElapsed?: number | undefined;
  /** Milliseconds for which a connection must stay open before the count of attempts is reset. Default 60,000. */
  readonly resetAfter?: number | undefined;
  /** Longest `Retry-After` of a server (RFC 9110 10.2.3) that the client obeys, in milliseconds. Default 900,000. */
  readonly retryAfterCap?: number | undefined;
}

/** How a connection is replaced by a new connection. */
export interface RotationOptions {
  /**
   * `"overlap"` opens the second connection before it closes the first, so that no message is lost. Without `replay`, a
   * message that arrives on both connections is delivered twice. `"replace"` closes the first connection before it
   * opens the second. Default: `"overlap"` with `replay`, otherwise `"replace"`.
   */
  readonly mode?: "overlap" | "replace" | undefined;
  /** Longest time that both connections are open, in milliseconds. Default 5,000. */
  readonly overlap?: number | undefined;
  /**
   * The age limit of each connection is `maxConnectionAge` minus a random time. The random time is at most this
   * fraction (0 to 1) of `maxConnectionAge`. Many clients then do not rotate at the same moment. Default 0.1.
   */
  readonly jitter?: number | undefined;
  /**
   * Maximum number of messages of the second connection that are buffered until the first connection ends. At this
   * number, or at `buffer.maxBytes`, the client pauses reading from the second connection. Default 10,000.
   */
  readonly maxWaiting?: number | undefined;
}

/** How a client detects a connection that no longer works. */
export interface HeartbeatOptions<Received, Sent> {
  /** Milliseconds between two pings. The first ping is sent after a random part of this time. Default 30,000. */
  readonly interval?: number | undefined;
  /**
   * Milliseconds that the client waits for data after a ping. If no data arrives, the client closes the connection. The
   * value may exceed `interval`. Default 20,000.
   */
  readonly timeout?: number | undefined;
  /** Returns a message that is sent instead of a ping frame, for services that define a ping message. Default: none. */
  readonly ping?: (() => Sent) | undefined;
  /**
   * Returns whether a received message answers the message of `ping`. The client then knows the latency. Requires
   * `ping`. Default: none.
   */
  readonly isPong?: ((message: Received) => boolean) | undefined;
}

/** The buffer of received messages for `recv()` and `for await`, and what happens when it is full. */
export interface BufferOptions<Received = unknown> {
  /** Maximum number of messages. Default 1,000. */
  readonly capacity?: number | undefined;
  /** Maximum total size of the messages in bytes. A single message always fits. Default 4 MiB. */
  readonly maxBytes?: number | undefined;
  /**
   * What happens when the buffer is full:
   * - `"pause"` (default) stops reading from the socket until half of the buffer is consumed.
   * - `"dropOldest"` and `"dropNewest"` drop a message, emit `dropped` for it and continue reading.
   * - `"conflate"` replaces the waiting message that has the same key, and emits `dropped` for the replaced message.
   *   This also happens when the buffer is not full. If the buffer is full and no waiting message has this key, the
   *   oldest message is dropped.
   * - `"error"` fails the connection with code 1008.
   */
  readonly overflow?: "pause" | "dropOldest" | "dropNewest" | "conflate" | "error" | undefined;
  /**
   * Returns the key of a message. Required with `overflow: "conflate"`; an error with any other `overflow`. A message
   * whose key is `undefined` is never replaced, and newer messages never overtake this message. Default: none.
   */
  readonly keyOf?: ((message: Received) => unknown) | undefined;
}

/** Identifies a sent message. The server returns the id in its acknowledgement. */
export type OutboxId = string | number | bigint;

/** The queue of messages that wait for a connection or for an acknowledgement. */
export interface OutboxOptions<Received, Sent> {
  /** Maximum number of messages. Default 1,000. */
  readonly capacity?: number | undefined;
  /**
   * Maximum total size of the messages in bytes. Each message counts about 1 KiB more than its payload. The first 16
   * MiB of this overhead do not count. A single message always fits. Default 4 MiB.
   */
  readonly maxBytes?: number | undefined;
  /**
   * Milliseconds that a message may wait after the call of `send()`, across reconnects. After this time the message is
   * dropped, and the event `dropped` reports it. Default: none; a message waits without limit.
   */
  readonly ttl?: number | undefined;
  /**
   * What happens when the outbox is full:
   * - `"error"` (default) rejects the new message with a `BufferOverflowError`.
   * - `"dropOldest"` drops the oldest message and emits `dropped`.
   * - `"conflate"` replaces the waiting message that has the same key. This also happens when the outbox is not full.
   *   If the outbox is full and no waiting message has this key, the oldest message is dropped.
   */
  readonly overflow?: "error" | "dropOldest" | "conflate" | undefined;
  /**
   * Maximum number of messages that the outbox sends per second; above 0. The value 0.5 means one message in two
   * seconds. Default: no limit.
   */
  readonly perSecond?: number | undefined;
  /**
   * Returns the key of a message. Required with `overflow: "conflate"`; an error with any other `overflow`. A message
   * whose key is `undefined` is never replaced, and newer messages never overtake this message. Default: none.
   */
  readonly keyOf?: ((sent: NoInfer<Sent>) => unknown) | undefined;
  /**
   * Returns the id of a message. Requires `acknowledges`. A message with an id is kept until the server acknowledges
   * it, and is sent again on the next connection. The server receives such a message at least once. Default: none; each
   * message is sent at most once.
   */
  readonly idOf?: ((sent: Sent) => OutboxId | null | undefined) | undefined;
  /** Returns the ids that a received message acknowledges. Requires `idOf`. Default: none. */
  readonly acknowledges?:
    ((received: Received) => OutboxId | readonly OutboxId[] | null | undefined) | undefined;
}

/** The sequence id of a received message within its stream. */
export type SequenceId = number | string;

/** The position up to which a stream was delivered. JSON can represent this plain object. */
export interface Cursor {
  readonly sequence: SequenceId;
  /** The epoch that `sequence` belongs to. It is absent if the stream has no epochs. */
  readonly epoch?: SequenceId;
}

/** A plain object with one cursor per stream. The key is the name of the stream. JSON can represent the object. */
export type Cursors = Readonly<Record<string, Cursor>>;

/** The missed messages, oldest first. It is `undefined` if the server repeats these messages on the connection. */
export type Replayed<Received> = Iterable<Received> | AsyncIterable<Received> | undefined;

/** How received messages are numbered, and how the client recovers missing messages. */
export interface ReplayOptions<Received, Sent> {
  /**
   * Returns the sequence id of a message; `null` or `undefined` if the message has no id. Numbers must increase by one,
   * unless `isNext` is set.
   */
  readonly sequence: (message: Received) => SequenceId | null | undefined;
  /**
   * Returns whether the id `current` directly follows the id `previous`. Required if ids are strings. Default:
   * `current` must be `previous + 1`.
   */
  readonly isNext?: ((previous: SequenceId, current: SequenceId) => boolean) | undefined;
  /** Returns the stream that a message belongs to. Default: all messages belong to the stream `"default"`. */
  readonly streamOf?: ((message: Received) => string | number | undefined) | undefined;
  /**
   * Returns the epoch of a message. If this epoch differs from the epoch of the cursor, the stream starts again and the
   * client emits `reset`. Default: none.
   */
  readonly epochOf?:
    ((message: Received, connectionCount: number) => SequenceId | null | undefined) | undefined;
  /**
   * Called on each new connection after `onConnection`, and when the client finds a gap. Returns the missed messages,
   * or `undefined` if the server repeats them on the connection. Without this function, the client emits `gap` and
   * delivers the messages after the gap without waiting. Default: none.
   */
  readonly onReplay?:
    | ((
        cursors: Cursors,
        connection: SetupConnection<Received, Sent>,
      ) => Replayed<Received> | Promise<Replayed<Received>> | Promise<void>)
    | undefined;
  /**
   * Number of ids per stream that the client remembers to remove duplicates. The client remembers the most recent ids.
   * Default 1,000.
   */
  readonly window?: number | undefined;
  /**
   * Maximum number of messages that a stream buffers while earlier messages are missing. When a stream reaches this
   * number, the client emits `reset` for the stream and delivers its buffered messages. When all streams together reach
   * `buffer.maxBytes`, the client emits `reset` for the streams with the largest buffers and delivers their messages.
   * Default 10,000.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Maximum number of streams that the client remembers. At this number, a new stream replaces a stream that had no
   * message for a long time. The client treats the next message of the replaced stream as the first message of a new
   * stream: it emits no `gap` and no `reset`, and removes no duplicates. A stream with buffered messages is not
   * replaced. Default 10,000, or the number of streams in `cursors` if that number is larger.
   */
  readonly maxStreams?: number | undefined;
  /**
   * Longest time for which a stream buffers messages while the client is connected, in milliseconds. After this time
   * the client emits `reset` and delivers the messages. Default 10,000.
   */
  readonly recoveryTimeout?: number | undefined;
  /** The result of `cursors()` of an earlier process. The client continues from these cursors. Default: none. */
  readonly cursors?: Cursors | undefined;
}

/** The options that concern more than a single connection. */
export interface LayerOptions<Received, Sent> {
  /**
   * Whether the client reconnects after a lost connection. With `false` there is one attempt and one connection.
   * Default `true`.
   */
  readonly reconnect?: boolean | undefined;
  /**
   * With `true`, `connect()` retries when the first attempt fails with a retryable error. With `false`, `connect()`
   * rejects. `run()` always retries. The option has no effect with `reconnect: false`. Default `false`.
   */
  readonly retryInitial?: boolean | undefined;
  /** How long to wait between attempts, and when to stop trying. */
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Returns whether to try again after the attempt or connection in `report`. Default: `report.isRetryable`, which is
   * `false` if another attempt cannot succeed, for example with refused credentials.
   */
  readonly shouldReconnect?: ((report: CloseReport) => boolean) | undefined;
  /**
   * Milliseconds after which a connection is replaced by a new connection, for servers that limit the age of a
   * connection. Default: none; connections are not replaced.
   */
  readonly maxConnectionAge?: number | undefined;
  /** How a connection is replaced. */
  readonly rotation?: RotationOptions | undefined;
  /** Pings: the milliseconds between two pings, an object with more options, or `false` for none. Default 30,000. */
  readonly heartbeat?: number | HeartbeatOptions<Received, Sent> | false | undefined;
  /** The buffer of received messages: its capacity in messages, or an object with more options. Default 1,000. */
  readonly buffer?: number | BufferOptions<Received> | undefined;
  /**
   * The queue of messages that `send()` accepts while there is no connection: its capacity in messages, or an object
   * with more options. With `false`, `send()` rejects with an `InvalidStateError` while there is no connection. Default
   * `false`.
   */
  readonly outbox?: number | OutboxOptions<Received, Sent> | false | undefined;
  /**
   * How received messages are numbered. The client then removes duplicates, reports gaps and fills gaps. A later
   * process can continue from a cursor. Default: none.
   */
  readonly replay?: ReplayOptions<Received, Sent> | undefined;
  /**
   * Called on every new connection before any queued message is sent, for example to authenticate or subscribe. The
   * attempt fails if the function throws, rejects or takes longer than `setupTimeout`. `signal` is aborted when the
   * attempt is abandoned. Default: none.
   */
  readonly onConnection?:
    ((connection: SetupConnection<Received, Sent>, signal: AbortSignal) => unknown) | undefined;
  /** Milliseconds that `onConnection` may take. Default: `connectTimeout`. */
  readonly setupTimeout?: number | undefined;
}
