/** The view of a pooled connection that a lease or a hook has. It stops to work when the lease or the hook ends. */
import { SharedAborts } from "../channels/shared-abort.js";
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

const noop = (): void => undefined;
/** All views share it, because many leases may wait for the same signal. */
const aborts = new SharedAborts();

/**
 * One connection of a pool, for the time of one lease or one hook. Afterwards each method throws or rejects with an
 * InvalidStateError, listeners are removed, loops end, and pending `recv()` calls reject. The methods are those of
 * `WebSocket`. A rejection of a method never becomes an unhandled rejection.
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

  #call<Value>(method: (client: WebSocket<Received, Sent>) => Promise<Value>): Promise<Value> {
    try {
      return method(this.#use());
    } catch (error) {
      const refused = Promise.reject<Value>(error);
      refused.catch(noop);
      return refused;
    }
  }

  /** Ends the use of this view. @returns whether it was in use. */
  protected static revoke<R, S>(view: PooledConnection<R, S>, message: string): boolean {
    if (view.#revocation.signal.aborted) return false;
    view.#revocation.abort(new InvalidStateError(message, "released"));
    for (const { remove } of view.#added.splice(0)) remove();
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

  send(value: Sent, options?: MessageOptions): Promise<void> {
    return this.#call((client) => client.send(value, options));
  }

  sendRaw(data: RawData, options?: RawMessageOptions): Promise<void> {
    return this.#call((client) => client.sendRaw(data, options));
  }

  trySend(value: Sent, options?: Pick<MessageOptions, "compress">): SendResult {
    return this.#use().trySend(value, options);
  }

  flush(options?: WaitOptions): Promise<void> {
    return this.#call((client) => client.flush(options));
  }

  ping(options?: PingOptions): Promise<number> {
    return this.#call((client) => client.ping(options));
  }

  pong(payload?: Uint8Array): Promise<void> {
    return this.#call((client) => client.pong(payload));
  }

  /** The call also rejects when the lease or hook ends, and does not consume a later message. */
  recv<Matched extends Received>(options: NarrowingRecvOptions<Received, Matched>): Promise<Matched>;
  recv(options?: RecvOptions<Received>): Promise<Received>;
  recv(options?: RecvOptions<Received>): Promise<Received> {
    return this.#call((client) => {
      if (options !== undefined && (typeof options !== "object" || (options as unknown) === null))
        return client.recv(options);
      const own = this.#revocation.signal;
      const given = options?.signal;
      if (given === undefined) return client.recv({ ...options, signal: own });
      // The client checks a signal that is no AbortSignal.
      if (!(given instanceof AbortSignal) || given.aborted) return client.recv(options);
      return this.#recvUntil(client, options, [given, own]);
    });
  }

  /** `AbortSignal.any()` would leave an entry in a signal that lives longer than the call. */
  #recvUntil(
    client: WebSocket<Received, Sent>,
    options: RecvOptions<Received> | undefined,
    signals: readonly AbortSignal[],
  ): Promise<Received> {
    const either = new AbortController();
    const stops = signals.map((signal) => aborts.add(signal, () => either.abort(signal.reason)));
    const stop = (): void => {
      for (const one of stops) one();
    };
    const call = client.recv({ ...options, signal: either.signal });
    void call.then(stop, stop);
    return call;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Received> {
    return this.#keep(this.#use()[Symbol.asyncIterator]());
  }

  batches(): AsyncIterableIterator<readonly Received[]> {
    return this.#keep(this.#use().batches());
  }

  #keep<Item>(loop: AsyncIterableIterator<Item>): AsyncIterableIterator<Item> {
    const end = loop.return?.bind(loop);
    // Another loop is open: this one only rejects.
    if (end === undefined) return loop;
    this.#loops.add(loop);
    loop.return = () => {
      this.#loops.delete(loop);
      return end();
    };
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
    return this.#add(name, listener, (client, added) => client.on(name, added, options));
  }

  once<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    return this.#add(name, listener, (client, added) => client.once(name, added), true);
  }

  off<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    const client = this.#use();
    const entry = this.#added.findLast((one) => one.name === name && one.listener === listener);
    // The client checks the name.
    if (entry === undefined) client.off(name, listener);
    else this.#forget(entry);
    return this;
  }

  #add<Name extends EventName>(
    name: Name,
    listener: Listener<EventMap<Received>[Name]>,
    add: (client: WebSocket<Received, Sent>, added: Listener<EventMap<Received>[Name]>) => void,
    isOnce: boolean = false,
  ): this {
    const client = this.#use();
    const added: Listener<EventMap<Received>[Name]> = (event) => {
      if (isOnce) this.#forget(entry);
      // A listener that was called earlier for the same event may have released the lease.
      return this.isReleased ? undefined : listener(event);
    };
    const entry: Added = { name, listener, remove: () => void client.off(name, added) };
    this.#added.push(entry);
    try {
      // The client refuses what is no function.
      add(client, typeof listener === "function" ? added : listener);
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
    // A listener receives waiting messages while it is added, and may have released the lease.
    if (this.isReleased) entry.remove();
    return this;
  }

  #forget(entry: Added): void {
    const index = this.#added.indexOf(entry);
    if (index === -1) return;
    this.#added.splice(index, 1);
    entry.remove();
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
