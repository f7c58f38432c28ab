import type { CloseReport } from "../events/close-report.js";
import type { SetupConnection } from "./setup-connection.js";

/** How long a client waits before it tries again, and when it gives up: `min(base * multiplier ** n, cap)`. */
export interface BackoffOptions {
  /** Milliseconds before the first retry, from 1 on. Default 1,000. */
  readonly base?: number | undefined;
  /** By how much each wait is longer than the one before, from 1 on; fractions are allowed. Default 2. */
  readonly multiplier?: number | undefined;
  /** The longest wait in milliseconds, from 1 on; below `base` it is the only one. Default 60,000. */
  readonly cap?: number | undefined;
  /** The least that `jitter` draws, in milliseconds. Default 100. */
  readonly floor?: number | undefined;
  /** Draws each wait from all between `floor` and its length, so that a fleet does not come back as one. Default `true`. */
  readonly jitter?: boolean | undefined;
  /** Attempts in a row that may fail; then the client fails. Default 0: without end. */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds from the first failure on; a retry later than that is not made, and the client fails. Default: without end. */
  readonly maxElapsed?: number | undefined;
  /** The count of attempts starts again once a connection was open for so many milliseconds. Default 60,000. */
  readonly resetAfter?: number | undefined;
  /** The most milliseconds that a server's `Retry-After` (RFC 9110 10.2.3) is obeyed. Default 900,000. */
  readonly retryAfterCap?: number | undefined;
}

/** How a connection is replaced by a younger one. */
export interface RotationOptions {
  /**
   * `"overlap"` opens the second connection before the first is closed, so that nothing is missed; without `replay` what
   * comes on both is delivered twice. `"replace"` closes the first, then dials at once. Default: `"overlap"` with
   * `replay`, else `"replace"`.
   */
  readonly mode?: "overlap" | "replace" | undefined;
  /** Milliseconds that two connections are open side by side at most. Default 5,000. */
  readonly overlap?: number | undefined;
  /** The part of `maxConnectionAge`, from 0 to 1, that is cut off at random, so that a fleet does not rotate as one. Default 0.1. */
  readonly jitter?: number | undefined;
  /**
   * Messages of the second connection that wait for the first to end; at so many, or at `buffer.maxBytes`, its reading is paused.
   * Default 10,000.
   */
  readonly maxWaiting?: number | undefined;
}

/** How a connection is watched for life. */
export interface HeartbeatOptions<Received, Sent> {
  /** Milliseconds between two pings; the first comes after a random part of them. Default 30,000. */
  readonly interval?: number | undefined;
  /**
   * Milliseconds from a ping on in which any sign of life must come, else the connection is given up; may exceed
   * `interval`. Default 20,000.
   */
  readonly timeout?: number | undefined;
  /** Makes a message that is sent in the place of a ping frame, for services that want their own. Default: none. */
  readonly ping?: (() => Sent) | undefined;
  /** Whether a received message answers the one of `ping`, so that latency is known. Only with `ping`. Default: none. */
  readonly isPong?: ((message: Received) => boolean) | undefined;
}

/** How many received messages wait for `recv()` and `for await`, and what happens when there are more. */
export interface BufferOptions<Received = unknown> {
  /** Messages. Default 1,000. */
  readonly capacity?: number | undefined;
  /** Bytes. Default 4 MiB; one message always fits. */
  readonly maxBytes?: number | undefined;
  /**
   * `"pause"` (default) stops reading from the socket until half of it is consumed; `"dropOldest"` and `"dropNewest"`
   * keep reading and tell each loss by `dropped`; `"error"` fails the connection with 1008. With `"conflate"` a message
   * takes the place of the one of its key that still waits, bounds met or not, and the older one is told as dropped;
   * where none of its key waits, the oldest is dropped at the bound.
   */
  readonly overflow?: "pause" | "dropOldest" | "dropNewest" | "conflate" | "error" | undefined;
  /**
   * The key by which `"conflate"` goes, and only with it. A message whose key is `undefined` is neither replaced nor
   * overtaken. Default: none.
   */
  readonly keyOf?: ((message: Received) => unknown) | undefined;
}

/** What tells one sent message from another, and comes back in its acknowledgement. */
export type OutboxId = string | number | bigint;

/** Messages that are sent while there is no connection, and those that are not acknowledged yet. */
export interface OutboxOptions<Received, Sent> {
  /** Messages. Default 1,000. */
  readonly capacity?: number | undefined;
  /** Bytes, with about 1 KiB for each message beyond the first 16 MiB of these. Default 4 MiB; one message always fits. */
  readonly maxBytes?: number | undefined;
  /**
   * Milliseconds from the call of `send()` on, across reconnects, after which a message that still waits is dropped and
   * reported by the event `dropped`. Default: none, it waits without end.
   */
  readonly ttl?: number | undefined;
  /**
   * `"error"` (default) refuses the newest with a `BufferOverflowError`; `"dropOldest"` drops the oldest and tells it.
   * With `"conflate"` a message takes the place of the one of its key that still waits, bounds met or not; where none of
   * its key waits, the oldest is dropped at the bound.
   */
  readonly overflow?: "error" | "dropOldest" | "conflate" | undefined;
  /** How many messages leave the outbox in any second, above 0; 0.5 is one in two seconds. Default: without bound. */
  readonly perSecond?: number | undefined;
  /** The key by which `"conflate"` goes, and only with it. A message without one is neither replaced nor overtaken. */
  readonly keyOf?: ((sent: NoInfer<Sent>) => unknown) | undefined;
  /**
   * The id of a message; with `acknowledges`, and only with it, a message is kept until it is acknowledged, and sent again
   * on the next connection (at least once). Default: each message is sent at most once.
   */
  readonly idOf?: ((sent: Sent) => OutboxId | null | undefined) | undefined;
  /** The ids that a received message acknowledges; only with `idOf`. */
  readonly acknowledges?:
    ((received: Received) => OutboxId | readonly OutboxId[] | null | undefined) | undefined;
}

/** What numbers a received message within its stream. */
export type SequenceId = number | string;

/** How far a stream was delivered. Plain and fit for JSON. */
export interface Cursor {
  readonly sequence: SequenceId;
  /** The numbering that `sequence` belongs to; absent where there is only one. */
  readonly epoch?: SequenceId;
}

/** A cursor by the name of its stream. Plain and fit for JSON. */
export type Cursors = Readonly<Record<string, Cursor>>;

/** Missed messages, oldest first; nothing where the server repeats them on the connection. */
export type Replayed<Received> = Iterable<Received> | AsyncIterable<Received> | undefined;

/** How received messages are numbered, and what is done about those that are missing. */
export interface ReplayOptions<Received, Sent> {
  /** The id of a message; none for one that is outside of every sequence. Numbers count by one, unless `isNext` is given. */
  readonly sequence: (message: Received) => SequenceId | null | undefined;
  /** Whether `current` follows `previous` with nothing between them; needed for strings. Default: `previous + 1`. */
  readonly isNext?: ((previous: SequenceId, current: SequenceId) => boolean) | undefined;
  /** The stream that numbers a message. Default: one for all, `"default"`. */
  readonly streamOf?: ((message: Received) => string | number | undefined) | undefined;
  /** The numbering of a message: one that differs from the cursor's begins the stream anew (`reset`). Default: none. */
  readonly epochOf?:
    ((message: Received, connectionCount: number) => SequenceId | null | undefined) | undefined;
  /**
   * Called on each new connection after `onConnection`, and on a gap: gives the missed messages, or nothing when the server
   * repeats them on the connection. Default: none, and a gap is told and not waited for.
   */
  readonly onReplay?:
    | ((
        cursors: Cursors,
        connection: SetupConnection<Received, Sent>,
      ) => Replayed<Received> | Promise<Replayed<Received>> | Promise<void>)
    | undefined;
  /** How many ids back a message that comes twice is known as a double and removed. Default 1,000. */
  readonly window?: number | undefined;
  /**
   * So many messages of a stream are held behind missing ones at most; then `reset` comes and they are delivered. Default 10,000.
   * All streams together hold at most `buffer.maxBytes`; beyond, the largest holds end in the same way.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * How many streams are remembered. A new name takes the place of a stream that had no message for long; the next message of
   * a forgotten stream is delivered as the first of a new one, without `gap`, `reset` or a search for doubles. A stream that
   * holds messages is not forgotten. Default 10,000, or as many as `cursors` names if that is more.
   */
  readonly maxStreams?: number | undefined;
  /** So many milliseconds, while connected, is a stream held at most; then `reset` comes and it is delivered. Default 10,000. */
  readonly recoveryTimeout?: number | undefined;
  /** Where an earlier process has left off, as `cursors()` gave it. Default: none. */
  readonly cursors?: Cursors | undefined;
}

/** The options that concern more than one connection, or what is around it. */
export interface LayerOptions<Received, Sent> {
  /** Comes back after a loss. Default `true`; with `false` there is one attempt, and one connection. */
  readonly reconnect?: boolean | undefined;
  /**
   * `connect()` keeps trying when the first attempt fails in a way that may pass; `run()` always does. Without meaning with
   * `reconnect: false`. Default `false`: `connect()` rejects.
   */
  readonly retryInitial?: boolean | undefined;
  /** How long to wait between attempts, and when to give up. */
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Whether to try again after an attempt or a connection that ended so. Default: `report.isRetryable`, which is `false`
   * where trying again does not help, such as for refused credentials.
   */
  readonly shouldReconnect?: ((report: CloseReport) => boolean) | undefined;
  /** Milliseconds after which a connection is replaced, before the server's own limit. Default: none, it is not. */
  readonly maxConnectionAge?: number | undefined;
  /** How a connection is replaced. */
  readonly rotation?: RotationOptions | undefined;
  /** Pings: milliseconds between two, or more about them, or `false` for none. Default 30,000. */
  readonly heartbeat?: number | HeartbeatOptions<Received, Sent> | false | undefined;
  /** Received messages that wait: their number, or more about it. Default 1,000. */
  readonly buffer?: number | BufferOptions<Received> | undefined;
  /**
   * Messages that are sent while there is no connection: their number, or more about it. Default `false`: such a `send()`
   * rejects with an `InvalidStateError`.
   */
  readonly outbox?: number | OutboxOptions<Received, Sent> | false | undefined;
  /** Sequence ids: doubles are removed, gaps told and filled, and a later start resumes. Default: none. */
  readonly replay?: ReplayOptions<Received, Sent> | undefined;
  /**
   * Runs on every new connection, before anything queued is sent: authenticate, subscribe. One that throws, rejects or
   * outlasts `setupTimeout` fails the attempt; `signal` is aborted when the attempt is given up. Default: none.
   */
  readonly onConnection?:
    ((connection: SetupConnection<Received, Sent>, signal: AbortSignal) => unknown) | undefined;
  /** Milliseconds that `onConnection` may take. Default: `connectTimeout`. */
  readonly setupTimeout?: number | undefined;
}
