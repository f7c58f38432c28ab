/** The public classes of channels and requests. They have no state: `Hub` implements the operations. */
import type { SetupConnection, WebSocket } from "../index.js";
import { Channel } from "./channel.js";
import { type FeedEventMap, Hub } from "./hub.js";
import type { FeedListener } from "./listeners.js";
import type { ChannelsOptions, OpenOptions, RequestOptions, RequestsOptions } from "./options.js";
import {
  checkName,
  resolveChannelsOptions,
  resolveOpen,
  resolveRequest,
  resolveRequestsOptions,
  type ResolvedOptions,
} from "./resolve-options.js";

/** The counts of a feed. */
export interface FeedStats {
  /** The number of open channels. Several handles of one name count once. */
  readonly channelCount: number;
  /** The number of channels that the server has accepted on an open connection. */
  readonly readyCount: number;
  /** The number of requests that wait for their answers. */
  readonly pendingRequests: number;
  /** The number of messages that were delivered to no channel and no request. */
  readonly unroutedCount: number;
}

/** Requests over one client: what `requests()` returns. */
export class Requester<Received = unknown, Sent = unknown> implements AsyncDisposable {
  /**
   * The hook of the client: its option `onConnection`, or called and awaited in the hook of the application. Without an
   * older connection it returns at once. During a rotation it waits until the server has acknowledged all channels on the
   * new connection, for at most 80 % of `setupTimeout`.
   */
  readonly onConnection: (connection: SetupConnection<Received, Sent>, signal: AbortSignal) => Promise<void>;
  readonly #hub: Hub;

  /** @internal Call `requests()` or `channels()`. */
  constructor(hub: Hub) {
    if (!((hub as unknown) instanceof Hub))
      throw new TypeError("Call channels() or requests() instead of this constructor.");
    this.#hub = hub;
    // `async`, so that an error of the arguments is a rejection.
    this.onConnection = async (connection, signal) => hub.onConnection(connection, signal);
  }

  /**
   * Connects the feed to its client. The feed adds a `message` listener to the client, so messages are added to the inbox
   * of the client only while a loop or a `recv()` reads it.
   *
   * @throws ChannelError with the code `"NO_HOOK"` if the client has no hook, or is connected without having called it;
   *   TypeError if the argument is not a client; InvalidStateError if a client is attached already.
   */
  attach(client: WebSocket<unknown, never>): this {
    this.#hub.attach(client);
    return this;
  }

  /**
   * Sends a request, and resolves with its answer. The answer is the message with the id of the request, or the first
   * message that `matches` accepts. A rejection without a handler is not an unhandled rejection.
   *
   * @throws RequestError: its codes say what happened; TimeoutError after `timeout`; `signal.reason` after an abort;
   *   BufferOverflowError if `maxPending` requests are pending; TypeError for an invalid option or message.
   */
  request(message: Sent, options?: RequestOptions<Received>): Promise<Received> {
    const promise = this.#request(message, options as RequestOptions<unknown> | undefined);
    promise.catch(() => undefined);
    return promise as Promise<Received>;
  }

  async #request(message: unknown, options: RequestOptions<unknown> | undefined): Promise<unknown> {
    return this.#hub.request(message, resolveRequest(options));
  }

  /** Returns a number that no other call of this feed returns, for the ids of requests. */
  nextId(): number {
    return this.#hub.nextId();
  }

  /** Adds a listener. @throws TypeError for an unknown event, and for a listener that is not a function. */
  on<Name extends keyof FeedEventMap<Received>>(
    name: Name,
    listener: FeedListener<FeedEventMap<Received>[Name]>,
  ): this {
    this.#hub.listeners.add(name, listener as FeedListener<unknown>, false);
    return this;
  }

  /** Adds a listener that is called once. @throws TypeError, see {@link on}. */
  once<Name extends keyof FeedEventMap<Received>>(
    name: Name,
    listener: FeedListener<FeedEventMap<Received>[Name]>,
  ): this {
    this.#hub.listeners.add(name, listener as FeedListener<unknown>, true);
    return this;
  }

  /** Removes a listener. @throws TypeError for an unknown event. */
  off<Name extends keyof FeedEventMap<Received>>(
    name: Name,
    listener: FeedListener<FeedEventMap<Received>[Name]>,
  ): this {
    this.#hub.listeners.remove(name, listener as FeedListener<unknown>);
    return this;
  }

  /** Returns the counts of this feed. */
  stats(): FeedStats {
    const { topics, requests, unroutedCount } = this.#hub;
    let readyCount = 0;
    for (const { isAccepted } of topics.values()) if (isAccepted) readyCount++;
    return { channelCount: topics.size, readyCount, pendingRequests: requests.count, unroutedCount };
  }

  /**
   * Ends all channels and requests. The client stays open. Resolves when the unsubscribe messages were sent, and the feed
   * no longer uses the client. The clients of `shards.connect` are closed.
   */
  close(): Promise<void> {
    return this.#hub.close();
  }

  /** Calls {@link close} at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Channels and requests over one client, or over several: what `channels()` returns. */
export class Feed<Received = unknown, Sent = unknown> extends Requester<Received, Sent> {
  readonly #hub: Hub;
  readonly #options: ResolvedOptions;

  /** @internal Call `channels()`. */
  constructor(hub: Hub) {
    super(hub);
    this.#hub = hub;
    this.#options = hub.options;
  }

  /**
   * Opens a channel, or a further handle of an open channel. The feed subscribes on the current and on each later
   * connection, until the last handle is closed. A channel can be opened before the client is attached or connected.
   *
   * @throws TypeError or RangeError for an invalid name or option; InvalidStateError if the feed or its client is closed;
   *   ChannelError with the code `"NO_HOOK"` if the client has connected without having called the hook.
   */
  open(name: string, options?: OpenOptions<Received>): Channel<Received> {
    checkName(name);
    const bounds = resolveOpen(options as OpenOptions<unknown> | undefined, this.#options.channels!.buffer);
    return new Channel<Received>(this.#hub.open(name, bounds));
  }
}

/**
 * Creates a feed: many channels over one connection. The feed brings the subscriptions of the server to the set of open
 * channels, also after a reconnect and a rotation. Pass `feed.onConnection` to the client, and the client to
 * `feed.attach()`.
 *
 * @throws TypeError or RangeError for an invalid option. The message names the option.
 */
export function channels<Received = unknown, Sent = unknown>(
  options: ChannelsOptions<Received, Sent>,
): Feed<Received, Sent> {
  return new Feed(new Hub(resolveChannelsOptions(options as unknown as ChannelsOptions<unknown, unknown>)));
}

/**
 * Creates requests without channels, for example for JSON-RPC. Pass `onConnection` to the client, and the client to
 * `attach()`.
 *
 * @throws TypeError or RangeError for an invalid option. The message names the option.
 */
export function requests<Received = unknown, Sent = unknown>(
  options: RequestsOptions<Received> = {},
): Requester<Received, Sent> {
  return new Requester(new Hub(resolveRequestsOptions(options as RequestsOptions<unknown>)));
}
