/** The public handle of a channel. It has no state: `ChannelState` implements the operations. */
import { type ChannelEventMap, ChannelState } from "./channel-state.js";
import type { FeedListener } from "./listeners.js";

export type { ChannelEventMap };

/**
 * A handle of one channel. Read its messages with `for await` or with a `message` listener. Several handles of one name
 * share the subscription; each has a buffer of its own, and the last one that is closed unsubscribes.
 */
export class Channel<Received = unknown> implements AsyncIterable<Received>, AsyncDisposable {
  readonly #state: ChannelState;

  /** @internal Call `feed.open()`. */
  constructor(state: ChannelState) {
    if (!((state as unknown) instanceof ChannelState))
      throw new TypeError("Call feed.open(name) instead of this constructor.");
    this.#state = state;
  }

  /** The name of the channel. */
  get name(): string {
    return this.#state.name;
  }

  /**
   * Resolves when the server has accepted the channel. After the end of a connection, the property is a new promise,
   * which resolves when the server has accepted the channel on the next connection. A rejection without a handler is not
   * an unhandled rejection.
   *
   * @throws ChannelError if the channel ends first. The codes `"REFUSED"` and `"ACK_TIMEOUT"` say what the server did.
   */
  get ready(): Promise<void> {
    return this.#state.ready;
  }

  /** `true` while the server has accepted the channel on an open connection. */
  get isReady(): boolean {
    return this.#state.isReady;
  }

  /** `true` after {@link close}, and after the channel has failed. */
  get isClosed(): boolean {
    return this.#state.isClosed;
  }

  /** The number of messages that wait in the buffer of this handle. */
  get bufferedCount(): number {
    return this.#state.bufferedCount;
  }

  /** The number of messages that the buffer of this handle has dropped. */
  get droppedCount(): number {
    return this.#state.droppedCount;
  }

  /**
   * Adds a listener. A `message` listener first receives the buffered messages. Messages that a listener receives are
   * added to the buffer only if a loop is open.
   *
   * @throws TypeError for an unknown event, and for a listener that is not a function.
   */
  on<Name extends keyof ChannelEventMap<Received>>(
    name: Name,
    listener: FeedListener<ChannelEventMap<Received>[Name]>,
  ): this {
    this.#state.listeners.add(name, listener as FeedListener<unknown>, false);
    if (name === "message") this.#state.onListenerAdded();
    return this;
  }

  /** Adds a listener that is called once. See {@link on}. */
  once<Name extends keyof ChannelEventMap<Received>>(
    name: Name,
    listener: FeedListener<ChannelEventMap<Received>[Name]>,
  ): this {
    this.#state.listeners.add(name, listener as FeedListener<unknown>, true);
    if (name === "message") this.#state.onListenerAdded();
    return this;
  }

  /** Removes a listener. @throws TypeError for an unknown event. */
  off<Name extends keyof ChannelEventMap<Received>>(
    name: Name,
    listener: FeedListener<ChannelEventMap<Received>[Name]>,
  ): this {
    this.#state.listeners.remove(name, listener as FeedListener<unknown>);
    return this;
  }

  /**
   * Iterates over the messages until the handle ends. Leaving the loop does not close the handle; a later loop continues
   * with the next message. Only one loop can be open at a time. The loop throws the error that ended the channel, after
   * the buffered messages.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Received> {
    return this.#state.iterate() as AsyncIterableIterator<Received>;
  }

  /**
   * Ends the handle. If it is the last handle of its name, the feed unsubscribes; a subscribe without an acknowledgement is
   * undone as soon as it is acknowledged. Loops receive the buffered messages first. Resolves at once.
   */
  close(): Promise<void> {
    this.#state.close();
    return Promise.resolve();
  }

  /** Calls {@link close} at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
