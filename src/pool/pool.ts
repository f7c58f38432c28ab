/**
 * Defines the public class of a pool, and the function that creates it. It checks the arguments of each call, and knows
 * the types of the messages. It has no state: `PoolEngine` implements the operations.
 */
import { type FeedListener, Listeners } from "../channels/listeners.js";
import type { MessageOptions } from "../index.js";
import type { Lease } from "./connection.js";
import { type EngineHandler, PoolEngine } from "./engine.js";
import type { AcquireOptions, PoolCloseOptions, PoolEventMap, PoolOptions, PoolStats } from "./options.js";
import { type ResolvedOptions, resolveAcquire, resolveClose, resolveOptions } from "./resolve-options.js";

/**
 * A bounded set of connections to the same service. A connection is either leased to one caller, or shared by the calls of
 * {@link send}. A rejection of a method never becomes an unhandled rejection.
 *
 * @typeParam Received - The type of received messages.
 * @typeParam Sent - The type of sent messages.
 */
export class Pool<Received = unknown, Sent = unknown> implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #engine: PoolEngine;
  readonly #listeners: Listeners<PoolEventMap<Received>>;
  #hasWarned = false;

  /** Use {@link createPool}. @throws TypeError or RangeError for an invalid option. */
  constructor(options: PoolOptions<Received, Sent>) {
    this.#options = resolveOptions(options);
    const report = (error: Error): void => this.#report(error);
    const listeners = new Listeners<PoolEventMap<Received>>(["error", "message", "dropped"], (what, thrown) =>
      this.#warn(new Error(`${what} of the pool threw an error.`, { cause: thrown })),
    );
    this.#listeners = listeners;
    const handler: EngineHandler = {
      onError: report,
      onUnsent: (error) => listeners.emit("error", { error }),
      onMessage: (data) => listeners.emit("message", { data: data as Received }),
      onDropped: (event) => listeners.emit("dropped", event),
    };
    this.#engine = new PoolEngine(this.#options, handler);
  }

  #report(error: Error): void {
    if (this.#listeners.has("error")) this.#listeners.emit("error", { error });
    else this.#warn(error);
  }

  /** Without a listener of `error`, nothing else reports the error. One warning per pool is sufficient. */
  #warn(error: Error): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(error);
  }

  /**
   * Leases a connection: `await using lease = await pool.acquire({ signal })`. Calls receive connections in the order of
   * the calls.
   *
   * @throws PoolExhaustedError after `acquireTimeout`; PoolClosedError after {@link close}; `signal.reason` after an
   *   abort. If no connection can be opened, the call that waits longest rejects: with the error of the connection, or
   *   with a PoolError that has the errors of all endpoints.
   */
  acquire(options?: AcquireOptions): Promise<Lease<Received, Sent>> {
    return handled(this.#acquire(options));
  }

  async #acquire(options: AcquireOptions | undefined): Promise<Lease<Received, Sent>> {
    const limits = resolveAcquire(options, this.#options.acquireTimeout);
    return (await this.#engine.acquire(limits)) as Lease<Received, Sent>;
  }

  /**
   * Sends a message on the least loaded connection that is not leased, and opens connections within `max` when all of them
   * are busy. A connection that was used by this method is never leased. Messages of the server are emitted as `message`.
   * A rejection is also reported by the event `error`, if it has a listener, except after an abort or {@link close}.
   *
   * @throws the errors of {@link acquire}, and those of `send()` of the client. The message is not sent again.
   */
  send(value: Sent, options?: MessageOptions): Promise<void> {
    return handled(this.#send(value, options));
  }

  async #send(value: Sent, options: MessageOptions | undefined): Promise<void> {
    // The client checks the options.
    const { signal, timeout }: Readonly<Record<string, unknown>> = { ...options };
    const { acquireTimeout } = this.#options;
    await this.#engine.send(value, options, {
      signal: signal instanceof AbortSignal ? signal : undefined,
      timeout: typeof timeout === "number" ? Math.min(timeout, acquireTimeout) : acquireTimeout,
    });
  }

  /** Adds a listener. @throws TypeError for an unknown event. */
  on<Name extends keyof PoolEventMap<Received>>(
    name: Name,
    listener: FeedListener<PoolEventMap<Received>[Name]>,
  ): this {
    this.#listeners.add(name, listener, false);
    return this;
  }

  /** Adds a listener for the next event. @throws TypeError for an unknown event. */
  once<Name extends keyof PoolEventMap<Received>>(
    name: Name,
    listener: FeedListener<PoolEventMap<Received>[Name]>,
  ): this {
    this.#listeners.add(name, listener, true);
    return this;
  }

  /** Removes a listener. @throws TypeError for an unknown event. */
  off<Name extends keyof PoolEventMap<Received>>(
    name: Name,
    listener: FeedListener<PoolEventMap<Received>[Name]>,
  ): this {
    this.#listeners.remove(name, listener);
    return this;
  }

  /** `true` after {@link close} was called, or the option `signal` was aborted. */
  get isClosed(): boolean {
    return this.#engine.isClosed;
  }

  /** Returns a frozen snapshot of the pool and of all its connections together. */
  stats(): PoolStats {
    return this.#engine.stats();
  }

  /**
   * Closes the pool. Calls that wait reject, unused connections are closed, and leases may continue until `timeout` has
   * passed. Then all sockets are destroyed. Resolves when all sockets are closed.
   */
  close(options?: PoolCloseOptions): Promise<void> {
    return handled(this.#close(options));
  }

  async #close(options: PoolCloseOptions | undefined): Promise<void> {
    return this.#engine.close(resolveClose(options));
  }

  /** The same as {@link close}, without options. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Marks a promise as handled, so that its rejection is never an unhandled rejection. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

/**
 * Creates a pool: `createPool({ url: "wss://example.com/", max: 5 })`. With `min`, it opens connections immediately.
 *
 * @throws TypeError or RangeError that names the option, also for an option of the client.
 */
export function createPool<Received = unknown, Sent = unknown>(
  options: PoolOptions<Received, Sent>,
): Pool<Received, Sent> {
  return new Pool(options);
}
