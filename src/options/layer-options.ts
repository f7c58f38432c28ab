/**
 * Types of the options above a single connection: reconnecting, rotation, heartbeat, buffers and replay. It does not
 * contain the options of a connection itself, such as headers and limits.
 */
import type { CloseReport } from "../events/close-report.js";
import type { SetupConnection } from "./setup-connection.js";

/**
 * How long a client waits between attempts, and when it stops trying. The wait before retry `n` (0 for the first) is
 * at most `min(base * multiplier ** n, cap)` milliseconds.
 */
export interface BackoffOptions {
  /** Wait before the first retry, in milliseconds; at least 1. Default 1,000. */
  readonly base?: number | undefined;
  /** Factor by which each wait exceeds the previous one; at least 1, fractions are allowed. Default 2. */
  readonly multiplier?: number | undefined;
  /**
   * Longest wait, in milliseconds; at least 1. If it is smaller than `base`, every wait has this length. Default
   * 60,000.
   */
  readonly cap?: number | undefined;
  /** Shortest wait that `jitter` may choose, in milliseconds. Default 100. */
  readonly floor?: number | undefined;
  /**
   * Chooses each wait at random between `floor` and its full length, so that many clients do not reconnect at the same
   * moment. Default `true`.
   */
  readonly jitter?: boolean | undefined;
  /** Number of consecutive attempts that may fail before the client fails. Default 0: no limit. */
  readonly maxAttempts?: number | undefined;
  /**
   * Milliseconds after the first failure during which the client retries. The client fails instead of making a later
   * retry. Default: no limit.
   */
  readonly maxElapsed?: number | undefined;
  /** Milliseconds that a connection must stay open before the count of attempts is reset. Default 60,000. */
  readonly resetAfter?: number | undefined;
  /** Longest `Retry-After` of a server (RFC 9110 10.2.3) that is obeyed, in milliseconds. Default 900,000. */
  readonly retryAfterCap?: number | undefined;
}

/** How a connection is replaced by a new one. */
export interface RotationOptions {
  /**
   * `"overlap"` opens the second connection before it closes the first, so that no message is lost. Without `replay`, a
   * message that arrives on both connections is delivered twice. `"replace"` closes the first connection, then dials at
   * once. Default: `"overlap"` with `replay`, otherwise `"replace"`.
   */
  readonly mode?: "overlap" | "replace" | undefined;
  /** Longest time that both connections are open, in milliseconds. Default 5,000. */
  readonly overlap?: number | undefined;
  /**
   * Largest fraction of `maxConnectionAge`, from 0 to 1, by which the age limit is shortened at random, so that many
   * clients do not rotate at the same moment. Default 0.1.
   */
  readonly jitter?: number | undefined;
  /**
   * Maximum number of messages of the second connection that are buffered until the first one ends. At this number, or
   * at `buffer.maxBytes`, reading from the second connection pauses. Default 10,000.
   */
  readonly maxWaiting?: number | undefined;
}

/** How a client detects a connection that no longer works. */
export interface HeartbeatOptions<Received, Sent> {
  /** Milliseconds between two pings. The first ping is sent after a random part of this time. Default 30,000. */
  readonly interval?: number | undefined;
  /**
   * Milliseconds after a ping within which any data must arrive; otherwise the connection is closed. It may exceed
   * `interval`. Default 20,000.
   */
  readonly timeout?: number | undefined;
  /** Returns a message that is sent instead of a ping frame, for services with their own ping. Default: none. */
  readonly ping?: (() => Sent) | undefined;
  /**
   * Returns whether a received message answers the message of `ping`, which makes the latency known. Requires `ping`.
   * Default: none.
   */
  readonly isPong?: ((message: Received) => boolean) | undefined;
}

/** The buffer of received messages for `recv()` and `for await`, and what happens when it is full. */
export interface BufferOptions<Received = unknown> {
  /** Maximum number of messages. Default 1,000. */
  readonly capacity?: number | undefined;
  /** Maximum size of all messages in bytes. A single message always fits. Default 4 MiB. */
  readonly maxBytes?: number | undefined;
  /**
   * What happens when the buffer is full:
   * - `"pause"` (default) stops reading from the socket until half of the buffer is consumed.
   * - `"dropOldest"` and `"dropNewest"` drop a message, emit `dropped` for it and continue reading.
   * - `"conflate"` replaces the waiting message that has the same key, even when the buffer is not full, and emits
   *   `dropped` for it. If no waiting message has this key and the buffer is full, the oldest message is dropped.
   * - `"error"` fails the connection with code 1008.
   */
  readonly overflow?: "pause" | "dropOldest" | "dropNewest" | "conflate" | "error" | undefined;
  /**
   * Returns the key of a message. Required with `overflow: "conflate"`; an error with any other `overflow`. A message
   * whose key is `undefined` is never replaced, and no message moves ahead of it. Default: none.
   */
  readonly keyOf?: ((message: Received) => unknown) | undefined;
}

/** Identifies a sent message, and is returned by the server in its acknowledgement. */
export type OutboxId = string | number | bigint;

/** The queue of messages that are sent while there is no connection, and of messages that are not acknowledged yet. */
export interface OutboxOptions<Received, Sent> {
  /** Maximum number of messages. Default 1,000. */
  readonly capacity?: number | undefined;
  /**
   * Maximum size of all messages in bytes. Each message counts about 1 KiB more than its payload, after the first 16
   * MiB of this overhead. A single message always fits. Default 4 MiB.
   */
  readonly maxBytes?: number | undefined;
  /**
   * Milliseconds after the call of `send()`, across reconnects, after which a message that still waits is dropped and
   * reported by the event `dropped`. Default: none; a message waits without limit.
   */
  readonly ttl?: number | undefined;
  /**
   * What happens when the outbox is full:
   * - `"error"` (default) rejects the new message with a `BufferOverflowError`.
   * - `"dropOldest"` drops the oldest message and emits `dropped`.
   * - `"conflate"` replaces the waiting message that has the same key, even when the outbox is not full. If no waiting
   *   message has this key and the outbox is full, the oldest message is dropped.
   */
  readonly overflow?: "error" | "dropOldest" | "conflate" | undefined;
  /**
   * Maximum number of messages sent from the outbox per second; above 0. 0.5 is one in two seconds. Default: no limit.
   */
  readonly perSecond?: number | undefined;
  /**
   * Returns the key of a message. Required with `overflow: "conflate"`; an error with any other `overflow`. A message
   * whose key is `undefined` is never replaced, and no message moves ahead of it. Default: none.
   */
  readonly keyOf?: ((sent: NoInfer<Sent>) => unknown) | undefined;
  /**
   * Returns the id of a message. Requires `acknowledges`. A message with an id is kept until it is acknowledged, and is
   * sent again on the next connection (at least once). Default: none; each message is sent at most once.
   */
  readonly idOf?: ((sent: Sent) => OutboxId | null | undefined) | undefined;
  /** Returns the ids that a received message acknowledges. Requires `idOf`. Default: none. */
  readonly acknowledges?:
    ((received: Received) => OutboxId | readonly OutboxId[] | null | undefined) | undefined;
}

/** The sequence id of a received message within its stream. */
export type SequenceId = number | string;

/** The position up to which a stream was delivered. A plain object that JSON can represent. */
export interface Cursor {
  readonly sequence: SequenceId;
  /** The epoch that `sequence` belongs to; absent if the stream has no epochs. */
  readonly epoch?: SequenceId;
}

/** One cursor per stream, by the name of the stream. A plain object that JSON can represent. */
export type Cursors = Readonly<Record<string, Cursor>>;

/** The missed messages, oldest first; `undefined` if the server repeats them on the connection. */
export type Replayed<Received> = Iterable<Received> | AsyncIterable<Received> | undefined;

/** How received messages are numbered, and how missing messages are recovered. */
export interface ReplayOptions<Received, Sent> {
  /**
   * Returns the sequence id of a message; `null` or `undefined` for a message without one. Numbers must increase by
   * one, unless `isNext` is set.
   */
  readonly sequence: (message: Received) => SequenceId | null | undefined;
  /** Returns whether `current` directly follows `previous`. Required for strings. Default: `previous + 1`. */
  readonly isNext?: ((previous: SequenceId, current: SequenceId) => boolean) | undefined;
  /** Returns the stream that a message belongs to. Default: all messages belong to the stream `"default"`. */
  readonly streamOf?: ((message: Received) => string | number | undefined) | undefined;
  /**
   * Returns the epoch of a message. When the epoch differs from the one of the cursor, the stream starts again and the
   * client emits `reset`. Default: none.
   */
  readonly epochOf?:
    ((message: Received, connectionCount: number) => SequenceId | null | undefined) | undefined;
  /**
   * Called on each new connection after `onConnection`, and when a gap is found. Returns the missed messages, or
   * `undefined` if the server repeats them on the connection. Default: none; a gap is reported by `gap`, and the
   * messages after it are delivered without waiting.
   */
  readonly onReplay?:
    | ((
        cursors: Cursors,
        connection: SetupConnection<Received, Sent>,
      ) => Replayed<Received> | Promise<Replayed<Received>> | Promise<void>)
    | undefined;
  /** Number of most recent ids per stream in which duplicates are recognised and removed. Default 1,000. */
  readonly window?: number | undefined;
  /**
   * Maximum number of messages that a stream buffers while earlier ones are missing. At this number the client emits
   * `reset` and delivers them. All streams together buffer at most `buffer.maxBytes`; above it, the streams that buffer
   * the most are delivered in the same way. Default 10,000.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Maximum number of streams that are remembered. At this number, a new stream replaces one that had no message for a
   * long time. The next message of a forgotten stream is delivered as the first message of a new stream, without `gap`,
   * `reset` or the removal of duplicates. A stream with buffered messages is not forgotten. Default 10,000, or the
   * number of streams in `cursors` if that is larger.
   */
  readonly maxStreams?: number | undefined;
  /**
   * Longest time while connected that a stream buffers messages, in milliseconds. Then the client emits `reset` and
   * delivers them. Default 10,000.
   */
  readonly recoveryTimeout?: number | undefined;
  /** The result of `cursors()` of an earlier process, from which this one continues. Default: none. */
  readonly cursors?: Cursors | undefined;
}

/** The options that concern more than one connection, or the layers above it. */
export interface LayerOptions<Received, Sent> {
  /** Reconnects after a loss. With `false` there is one attempt and one connection. Default `true`. */
  readonly reconnect?: boolean | undefined;
  /**
   * With `true`, `connect()` retries when the first attempt fails with a retryable error; otherwise `connect()`
   * rejects. `run()` always retries. Has no effect with `reconnect: false`. Default `false`.
   */
  readonly retryInitial?: boolean | undefined;
  /** How long to wait between attempts, and when to stop trying. */
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Returns whether to try again after the attempt or connection that the report describes. Default:
   * `report.isRetryable`, which is `false` if another attempt cannot help, for example after refused credentials.
   */
  readonly shouldReconnect?: ((report: CloseReport) => boolean) | undefined;
  /**
   * Milliseconds after which a connection is replaced by a new one, for servers that limit the age of a connection.
   * Default: none; connections are not replaced.
   */
  readonly maxConnectionAge?: number | undefined;
  /** How a connection is replaced. */
  readonly rotation?: RotationOptions | undefined;
  /** Pings: the milliseconds between two pings, an object with more options, or `false` for none. Default 30,000. */
  readonly heartbeat?: number | HeartbeatOptions<Received, Sent> | false | undefined;
  /** The buffer of received messages: its capacity in messages, or an object with more options. Default 1,000. */
  readonly buffer?: number | BufferOptions<Received> | undefined;
  /**
   * The queue of messages that are sent while there is no connection: its capacity in messages, or an object with more
   * options. With `false`, `send()` without a connection rejects with an `InvalidStateError`. Default `false`.
   */
  readonly outbox?: number | OutboxOptions<Received, Sent> | false | undefined;
  /**
   * Sequence ids of received messages: duplicates are removed, gaps are reported and filled, and a later process can
   * continue from a cursor. Default: none.
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
