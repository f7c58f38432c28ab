/**
 * Routes the messages of a feed to its channels and requests, and keeps the set of channels that the application wants. It
 * does not know the types of messages.
 */
import { type EventMap, InvalidStateError, type Runtime, WebSocket } from "../index.js";
import { type Ack, readAcknowledgement } from "./acknowledgement.js";
import type { ChannelBounds } from "./channel-buffer.js";
import { ChannelState, type ChannelStateHost } from "./channel-state.js";
import { ChannelError, RequestError } from "./errors.js";
import { isUnwantedPromise, Listeners } from "./listeners.js";
import { type Link, type LinkHost, noHook } from "./link.js";
import { PendingRequests, type PendingRequestsHost } from "./pending-requests.js";
import { Placement } from "./placement.js";
import { Refusals, type RefusalsHost } from "./refusals.js";
import { isId, type ResolvedOptions, type ResolvedRequest } from "./resolve-options.js";
import type { Connection, Session } from "./session.js";
import { Topic } from "./topic.js";

/** Why a message is delivered to no channel and no request. */
export type UnroutedCause = "noChannel" | "notOpen" | "acknowledgement" | "lateAnswer";

/** The event objects of a feed, by event name. */
export interface FeedEventMap<Received> {
  /**
   * A message was delivered to no channel and no request. The causes:
   * - `"noChannel"`: `channelOf` returned no name.
   * - `"notOpen"`: the channel is not open, for example because it was just closed.
   * - `"acknowledgement"`: no channel waits for this acknowledgement.
   * - `"lateAnswer"`: the request of this answer has timed out or was aborted.
   */
  unrouted: {
    readonly message: Received;
    readonly cause: UnroutedCause;
    readonly channel: string | undefined;
  };
  /**
   * A function of the options or a listener failed, or a message could not be sent. Without a listener, the first error
   * of a feed is a warning of the process.
   */
  error: { readonly error: Error };
}

const feedEvents = ["unrouted", "error"] as const;

export class Hub implements LinkHost, ChannelStateHost, RefusalsHost, PendingRequestsHost {
  readonly options: ResolvedOptions;
  readonly listeners: Listeners<FeedEventMap<unknown>>;
  readonly topics: Map<string, Topic> = new Map<string, Topic>();
  readonly requests: PendingRequests = new PendingRequests(this);
  readonly placement: Placement;
  unroutedCount = 0;
  readonly #refusals: Refusals | undefined;
  #lastId = 0;
  #isReporting = false;
  #hasWarned = false;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    this.options = options;
    this.listeners = new Listeners(feedEvents, (event, thrown) => {
      const error = createFunctionError(`A listener of "${event}"`, thrown);
      // A failing listener of "error" would otherwise receive its own errors, in an endless loop.
      if (event === "error") process.emitWarning(error);
      else this.reportError(error);
    });
    this.placement = new Placement(this, options.channels?.shards);
    if (options.channels !== undefined) this.#refusals = new Refusals(options.channels, this);
  }

  get runtime(): Runtime {
    return this.placement.links.find(({ client }) => client !== undefined)?.runtime ?? this.options.runtime;
  }

  nextId(): number {
    // The application may number its requests itself.
    do this.#lastId++;
    while (this.requests.hasId(this.#lastId));
    return this.#lastId;
  }

  onConnection(connection: Connection, signal: AbortSignal): Promise<void> {
    if (!this.placement.isSharded) return this.placement.choose().onConnection(connection, signal);
    throw new TypeError(
      "With the option shards, pass the function onConnection of the argument of shards.connect.",
    );
  }

  attach(client: WebSocket): void {
    if (!((client as unknown) instanceof WebSocket))
      throw new TypeError("feed.attach(ws) takes a WebSocket client.");
    if (this.placement.isSharded)
      throw new TypeError("With the option shards, the feed attaches the clients of shards.connect itself.");
    this.#checkOpen("attach");
    const link = this.placement.choose();
    if (link.client !== undefined)
      throw this.#stateError("A client is attached already. Create a feed per client.");
    link.attach(client);
  }

  #checkOpen(call: string): void {
    if (this.#closing !== undefined)
      throw this.#stateError(`${call}() was called after close() of the feed.`);
  }

  #stateError(message: string): InvalidStateError {
    return new InvalidStateError(message, this.#closing === undefined ? "open" : "closed");
  }

  /** Why the client can have no further connection that the feed can use. */
  get unusable(): Error | undefined {
    // With `shards`, other clients follow.
    if (this.placement.isSharded) return undefined;
    const link = this.placement.choose();
    if (link.isClosed) return this.#stateError("The client of the feed is closed. Create a new client.");
    return link.hasNoHook ? noHook() : undefined;
  }

  open(name: string, bounds: ChannelBounds): ChannelState {
    this.#checkOpen("open");
    let topic = this.topics.get(name);
    if (topic === undefined) {
      const { unusable } = this;
      if (unusable !== undefined) throw unusable;
      const link = this.placement.choose();
      // `shards.connect` may have opened the same channel.
      topic = this.topics.get(name) ?? this.#createTopic(name, link);
    }
    const handle = new ChannelState(name, bounds, this);
    topic.add(handle);
    return handle;
  }

  #createTopic(name: string, link: Link): Topic {
    const topic = new Topic(name, link);
    this.topics.set(name, topic);
    link.add(topic);
    return topic;
  }

  /** A handle was closed. The last handle of a channel unsubscribes. */
  onClosed(handle: ChannelState): void {
    const topic = this.topics.get(handle.name);
    if (topic?.remove(handle) === true && topic.isEmpty) this.#remove(topic);
  }

  #remove(topic: Topic): void {
    topic.cancelRetry();
    // A listener may have closed the channel, and opened another one with its name.
    if (!this.isCurrent(topic)) return;
    this.topics.delete(topic.name);
    topic.link.remove(topic);
  }

  isCurrent(topic: Topic): boolean {
    return this.topics.get(topic.name) === topic;
  }

  giveUp(topic: Topic, error: ChannelError): void {
    this.#remove(topic);
    topic.end(error);
  }

  onRefused(topic: Topic, error: ChannelError): void {
    this.#refusals?.onRefused(topic, error);
  }

  request(message: unknown, options: ResolvedRequest): Promise<unknown> {
    if (this.#closing !== undefined)
      return Promise.reject(new RequestError("The feed is closed.", { code: "CLOSED" }));
    const { timeout = this.options.requestTimeout, matches, id } = options;
    const found = matches === undefined && id === undefined ? this.#idOf(message) : id;
    if (matches === undefined && found === undefined)
      throw new TypeError(
        'A request needs the option "id" or "matches", or an id in its message that idOf returns.',
      );
    return this.requests.send(message, { ...options, id: found }, timeout);
  }

  #idOf(message: unknown): string | number | undefined {
    try {
      const { idOf } = this.options;
      const id: unknown = idOf === undefined ? idProperty(message) : idOf(message);
      if (isId(id)) return id;
      if (idOf === undefined || id === undefined || id === null) return undefined;
      const given = isUnwantedPromise(id) ? "a promise" : typeof id;
      throw new TypeError(`It returned ${given} instead of a string or a finite number.`);
    } catch (thrown) {
      this.reportFunctionError("The option idOf", thrown);
      return undefined;
    }
  }

  get session(): Session | undefined {
    let other: Session | undefined;
    for (const { session, client } of this.placement.links) {
      // Before `attach()`, no answer would be received.
      if (session === undefined || client === undefined) continue;
      if (client.state === "connected") return session;
      // The client is not connected yet, or it closes.
      other ??= session;
    }
    return other;
  }

  get maxPending(): number {
    return this.options.maxPending;
  }

  onLateAnswer(message: unknown): void {
    this.#onUnrouted(message, "lateAnswer", undefined);
  }

  // The following methods are called by the links.

  onMessage({ data: message, size }: EventMap<unknown>["message"], link: Link): void {
    const { requests } = this;
    if (requests.hasMatching && requests.offer(message)) return;
    const isIdExplicit = this.options.idOf !== undefined;
    if (isIdExplicit && requests.hasIds && requests.offerId(this.#idOf(message), message)) return;
    const ack = this.#ackOf(message);
    if (ack !== undefined && link.acknowledge(ack)) return;
    const name = ack === undefined ? this.#nameOf(message) : undefined;
    const topic = name === undefined ? undefined : this.topics.get(name);
    const mayAnswer = !isIdExplicit && name === undefined && requests.hasIds;
    if (topic?.link === link) topic.deliver(message, size);
    else if (!mayAnswer || !requests.offerId(this.#idOf(message), message)) {
      const cause = name === undefined ? "noChannel" : "notOpen";
      this.#onUnrouted(message, ack === undefined ? cause : "acknowledgement", name);
    }
  }

  #onUnrouted(message: unknown, cause: UnroutedCause, channel: string | undefined): void {
    this.unroutedCount++;
    this.listeners.emit("unrouted", { message, cause, channel });
  }

  #ackOf(message: unknown): Ack | undefined {
    if (this.options.channels?.isAck === undefined) return undefined;
    try {
      return this.readAck(message);
    } catch (thrown) {
      this.reportFunctionError("The option isAck", thrown);
      return undefined;
    }
  }

  /** @throws any error of the options `isAck` and `channelOf`, and a TypeError if `isAck` returns an invalid value. */
  readAck(message: unknown): Ack | undefined {
    return readAcknowledgement(this.options.channels?.isAck?.(message), () => this.#channelOf(message));
  }

  #nameOf(message: unknown): string | undefined {
    try {
      return this.#channelOf(message);
    } catch (thrown) {
      this.reportFunctionError("The option channelOf", thrown);
      return undefined;
    }
  }

  #channelOf(message: unknown): string | undefined {
    const name = this.options.channels?.channelOf(message);
    if (name === undefined || name === null) return undefined;
    if (typeof name === "string") return name;
    throw new TypeError(
      `It returned ${isUnwantedPromise(name) ? "a promise" : typeof name} instead of the name of a channel.`,
    );
  }

  onSession(): void {
    this.placement.onSession();
    this.requests.onSession();
  }

  onSessionEnd(session: Session, link: Link): void {
    this.requests.onSessionEnd(session, link.isDelivering);
    if (this.requests.hasMatching || this.requests.hasIds) this.onDelivered();
  }

  onDelivered(): void {
    // The client delivers the messages of ended connections at the end of the tick.
    this.runtime.afterTurn(() => {
      if (this.placement.links.every(({ isDelivering }) => !isDelivering)) this.requests.onDelivered();
    });
  }

  onClientEnd(link: Link, error: ChannelError | undefined): void {
    if (this.placement.isSharded) {
      // The channels do not end, so their handles do not report the error. A missing hook was reported before.
      if (error !== undefined && !link.hasNoHook) this.reportError(error);
      this.placement.move(link);
      return;
    }
    const { report } = error ?? {};
    const reason = new RequestError("The client has ended before the answer arrived.", {
      code: "CONNECTION_ENDED",
      cause: error,
    });
    if (report !== undefined) reason.report = report;
    this.requests.end(reason);
    for (const topic of [...link.topics.values()]) {
      this.#remove(topic);
      topic.end(error);
    }
  }

  reportFunctionError(what: string, cause: unknown): void {
    this.reportError(createFunctionError(what, cause));
  }

  reportError(error: unknown): void {
    const given = error as Error;
    // A listener of "error" that causes the next error would otherwise be called in an endless loop.
    if (this.#isReporting) process.emitWarning(given);
    else if (this.listeners.has("error")) {
      this.#isReporting = true;
      this.listeners.emit("error", { error: given });
      this.#isReporting = false;
    } else if (!this.#hasWarned) {
      this.#hasWarned = true;
      process.emitWarning(given);
    }
  }

  /** Ends all channels and requests, and unsubscribes. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // The feed must be closed before listeners are called, so that `open()` and `request()` fail in them.
    await Promise.resolve();
    this.requests.end(new RequestError("The feed was closed.", { code: "CLOSED" }));
    for (const topic of [...this.topics.values()]) {
      this.#remove(topic);
      topic.end(undefined);
    }
    await this.placement.close();
  }
}

function createFunctionError(what: string, cause: unknown): ChannelError {
  const message = `${what} failed. See the cause of this error.`;
  return new ChannelError(message, { code: "CHANNEL_FUNCTION_FAILED", cause });
}

function idProperty(message: unknown): unknown {
  return typeof message === "object" && message !== null && "id" in message ? message.id : undefined;
}
