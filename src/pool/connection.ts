/** The view of a pooled connection that a lease or a hook has. It stops to work when the lease or the hook ends. */
import {
  type BorrowedMessage,
  type EventMap,
  type EventName,
  InvalidStateError,
  type Listener,
  type ListenerOptions,
  type MessageOptions,
  type NarrowingRecvOptions,
  type PingOptions,
  type RawData,
  type RawMessageOptions,
  type RecvOptions,
  type SendResult,
  type State,
  type WaitOptions,
  type WebSocket,
} from "../index.js";

/** What a view needs from its pool. */
export interface ViewSource<Received, Sent> {
  readonly client: WebSocket<Received, Sent>;
  /** Aborted when the connection ends. */
  readonly ended: AbortSignal;
}

/** A listener that the view has added. */
interface Added {
  readonly name: EventName;
  readonly listener: unknown;
  readonly remove: () => void;
}

/**
 * One connection of a pool, for the time of one lease or one hook. Afterwards each method throws or rejects with an
 * InvalidStateError, listeners are removed, loops end, and pending `recv()` calls reject. The methods are those of
 * `WebSocket`.
 */
export class PooledConnection<Received, Sent> implements AsyncIterable<Received> {
  readonly #client: WebSocket<Received, Sent>;
  /** Aborted when the connection ends. `reason` is the error that describes the end. */
  readonly ended: AbortSignal;
  readonly #revocation = new AbortController();
  readonly #added: Added[] = [];
  readonly #loops = new Set<AsyncIterableIterator<unknown>>();

  constructor({ client, ended }: ViewSource<Received, Sent>) {
    this.#client = client;
    this.ended = ended;
  }

  /** @throws InvalidStateError after the end of the lease or hook. */
  #use(): WebSocket<Received, Sent> {
    if (this.#revocation.signal.aborted) throw this.#revocation.signal.reason as Error;
    return this.#client;
  }

  /** Ends the use of this view. @returns whether it was in use. */
  protected static revoke<R, S>(view: PooledConnection<R, S>, message: string): boolean {
    if (view.#revocation.signal.aborted) return false;
    view.#revocation.abort(new InvalidStateError(message, "released"));
    for (const { remove } of view.#added) remove();
    view.#added.length = 0;
    for (const loop of view.#loops) void loop.return?.();
    view.#loops.clear();
    return true;
  }

  get url(): string {
    return this.#client.url;
  }

  get subprotocol(): string {
    return this.#client.subprotocol;
  }

  get extensions(): string {
    return this.#client.extensions;
  }

  /** The state of the connection. A connection of a pool does not reconnect. */
  get state(): State {
    return this.#client.state;
  }

  get bufferedAmount(): number {
    return this.#client.bufferedAmount;
  }

  /** `true` after the end of the lease or hook. */
  get isReleased(): boolean {
    return this.#revocation.signal.aborted;
  }

  async send(value: Sent, options?: MessageOptions): Promise<void> {
    return this.#use().send(value, options);
  }

  async sendRaw(data: RawData, options?: RawMessageOptions): Promise<void> {
    return this.#use().sendRaw(data, options);
  }

  trySend(value: Sent, options?: Pick<MessageOptions, "compress">): SendResult {
    return this.#use().trySend(value, options);
  }

  async flush(options?: WaitOptions): Promise<void> {
    return this.#use().flush(options);
  }

  async ping(options?: PingOptions): Promise<number> {
    return this.#use().ping(options);
  }

  /** The call also rejects when the lease or hook ends, and does not consume a later message. */
  recv<Matched extends Received>(options: NarrowingRecvOptions<Received, Matched>): Promise<Matched>;
  recv(options?: RecvOptions<Received>): Promise<Received>;
  async recv(options?: RecvOptions<Received>): Promise<Received> {
    const client = this.#use();
    const own = this.#revocation.signal;
    if (options !== undefined && (typeof options !== "object" || (options as unknown) === null))
      return client.recv(options);
    const given = options?.signal;
    // The client checks a signal that is no AbortSignal.
    const signal =
      given === undefined ? own : given instanceof AbortSignal ? AbortSignal.any([given, own]) : given;
    return client.recv({ ...options, signal });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Received> {
    return this.#keep(this.#use()[Symbol.asyncIterator]());
  }

  batches(): AsyncIterableIterator<readonly Received[]> {
    return this.#keep(this.#use().batches());
  }

  #keep<Item>(loop: AsyncIterableIterator<Item>): AsyncIterableIterator<Item> {
    this.#loops.add(loop);
    return loop;
  }

  on(
    name: "rawMessage",
    listener: Listener<BorrowedMessage>,
    options: ListenerOptions & { readonly borrowed: true },
  ): this;
  on<Name extends EventName>(
    name: Name,
    listener: Listener<EventMap<Received>[Name]>,
    options?: ListenerOptions,
  ): this;
  on<Name extends EventName>(
    name: Name,
    listener: Listener<EventMap<Received>[Name]>,
    options?: ListenerOptions,
  ): this {
    // A listener receives waiting messages during this call, and may release the lease.
    const client = this.#use();
    const remove = (): void => void client.off(name, listener);
    this.#added.push({ name, listener, remove });
    try {
      client.on(name, listener, options);
    } catch (error) {
      this.#added.pop();
      throw error;
    }
    if (this.isReleased) remove();
    return this;
  }

  once<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    const client = this.#use();
    client.once(name, listener);
    this.#added.push({ name, listener, remove: () => void client.off(name, listener) });
    return this;
  }

  off<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    this.#use().off(name, listener);
    const index = this.#added.findLastIndex((one) => one.name === name && one.listener === listener);
    if (index !== -1) this.#added.splice(index, 1);
    return this;
  }
}

/** The connection that a hook receives. */
export class HookView<Received, Sent> extends PooledConnection<Received, Sent> {
  /** The hook has ended. */
  end(): void {
    PooledConnection.revoke(this, "The hook of the pool has ended. Use the connection only inside the hook.");
  }
}

/** Called once, when a lease is released. Resolves when the connection is available again, or its socket is closed. */
type OnRelease = (isDiscarded: boolean) => Promise<void>;

/**
 * A connection that is leased to one caller: `await using lease = await pool.acquire()`.
 *
 * Without the option `reset`, the connection is closed at the end of the lease.
 */
export class Lease<Received, Sent> extends PooledConnection<Received, Sent> implements AsyncDisposable {
  readonly #onRelease: OnRelease;
  #released: Promise<void> | undefined;

  constructor(source: ViewSource<Received, Sent>, onRelease: OnRelease) {
    super(source);
    this.#onRelease = onRelease;
  }

  /**
   * Returns the connection to the pool. Resolves when the connection can be used again, or when its socket is closed. Does
   * not reject: the pool reports a failure of `reset` by its event `error`.
   */
  release(): Promise<void> {
    return this.#end(false);
  }

  /** Ends the lease, and closes the connection even with the option `reset`. Resolves when the socket is closed. */
  discard(): Promise<void> {
    return this.#end(true);
  }

  #end(isDiscarded: boolean): Promise<void> {
    if (this.#released === undefined) {
      PooledConnection.revoke(this, "The lease was released. Acquire another connection from the pool.");
      this.#released = this.#onRelease(isDiscarded);
    }
    return this.#released;
  }

  /** The same as {@link release}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
