/** Types of the options, events and statistics of a pool. The checks and defaults are in `resolve-options.ts`. */
import type { EventMap, Provided, SchemaOptions, Stats, Url, WebSocketOptions } from "../index.js";
import type { PooledConnection } from "./connection.js";

/**
 * Options of the client that a pool does not accept: a pool opens another connection instead of reconnecting, and a
 * connection that replaces another one would exceed `max`.
 */
export type RefusedOption =
  | "reconnect"
  | "retryInitial"
  | "backoff"
  | "shouldReconnect"
  | "maxConnectionAge"
  | "rotation"
  | "outbox"
  | "replay";

/** A hook of a pool. `signal` is aborted after `hookTimeout`, and when the connection ends. */
type Hook<Received, Sent, Result> = (
  connection: PooledConnection<Received, Sent>,
  signal: AbortSignal,
) => Result | Promise<Result>;

/** The options of a pool that are not options of its clients. */
export interface PoolSettings<Received, Sent> {
  /** The URL of all connections, or a function that is called for each connection. Either `url` or `endpoints`. */
  readonly url?: Provided<Url> | undefined;
  /**
   * URLs in the order of preference. A new connection uses the first endpoint that works. An endpoint that fails is
   * skipped for 1 s, after each further failure twice as long, at most 60 s. Then one connection tries it again. A
   * connection that is lost within 1 s, before it received a message, is a failure as well.
   */
  readonly endpoints?: readonly Provided<Url>[] | undefined;
  /** Number of connections that the pool keeps open, also when they are not used. Default 0. */
  readonly min?: number | undefined;
  /**
   * Maximum number of connections, over all endpoints. A connection counts from its first attempt until its socket is
   * closed. Default 10.
   */
  readonly max?: number | undefined;
  /** Milliseconds after which an unused connection is closed, if more than `min` are open. Default 30,000. */
  readonly idleTimeout?: number | undefined;
  /** Milliseconds after which a connection is not used again. A lease is never interrupted. Default: no limit. */
  readonly maxAge?: number | undefined;
  /** Milliseconds that `acquire()` and `send()` wait for a connection. Default 30,000. */
  readonly acquireTimeout?: number | undefined;
  /** Milliseconds that `validate` and `reset` may take. Default 5,000. */
  readonly hookTimeout?: number | undefined;
  /**
   * Called before an unused connection is leased, but not if it was opened or reset for this lease. Returns whether the
   * connection works. Otherwise the pool closes it and uses another one. Default: each open connection is leased.
   */
  readonly validate?: Hook<NoInfer<Received>, NoInfer<Sent>, boolean> | undefined;
  /**
   * Called after a lease. It returns when the server sends nothing more that belongs to the lease; then the connection is
   * leased again. Messages that arrived until then are discarded. Default: none; each connection is closed at the end of
   * its lease, because the pool cannot know which answers are still to come.
   */
  readonly reset?: Hook<NoInfer<Received>, NoInfer<Sent>, unknown> | undefined;
}

/** The options of a pool: its own options, and the options of its clients. */
export type PoolOptions<Received, Sent> = PoolSettings<Received, Sent> &
  (
    Omit<SchemaOptions<Received, Sent>, RefusedOption> | Omit<WebSocketOptions<Received, Sent>, RefusedOption>
  );

/** Options of `acquire()`. */
export interface AcquireOptions {
  /** Ends the wait: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that this call waits. Default: the option `acquireTimeout`. */
  readonly timeout?: number | undefined;
}

/** Options of `close()`. */
export interface PoolCloseOptions {
  /** Milliseconds that the pool waits for leases. Then it ends their connections. Default 30,000. */
  readonly timeout?: number | undefined;
}

/** The event objects of a pool, by event name. */
export interface PoolEventMap<Received> {
  /**
   * Something failed that no call of the application reports: also the errors of all connections that do not end the
   * connection, such as a message that does not match the option `schema`. A call of `send()` that gets no connection is
   * reported as well, because its promise may be ignored.
   */
  error: { readonly error: Error };
  /** A message arrived on a connection of `pool.send()`. */
  message: { readonly data: Received };
  /** A connection of `pool.send()` has dropped a message, see the event `dropped` of a client. */
  dropped: EventMap<Received>["dropped"];
}

/**
 * The statistics of all connections of a pool together, also of those that have ended. `uptimeMs` is the largest of the
 * open connections. Percentiles are estimates, because they are computed from the percentiles of the connections.
 */
export interface PoolStats extends Stats {
  /** Connections that count towards `max`: the sum of the following six. */
  readonly connections: number;
  readonly opening: number;
  readonly idle: number;
  readonly leased: number;
  /** Connections that `send()` uses. */
  readonly shared: number;
  /** Connections in `validate` or `reset`. */
  readonly checking: number;
  /** Connections whose socket is not closed yet. */
  readonly closing: number;
  /** Calls of `acquire()` and `send()` that wait for a connection. */
  readonly waiting: number;
  /** Leases so far. */
  readonly leaseCount: number;
  /** The longest wait for a lease so far, in milliseconds. */
  readonly longestWaitMs: number;
  /** Messages that arrived on unused connections, after a lease. */
  readonly lateMessageCount: number;
}
