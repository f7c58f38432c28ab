/**
 * Connects a feed to one client: follows the connections of the client, and passes its messages and events to the hub. It
 * does not know the names of all channels of a feed, only those that are placed on this client.
 */
import type { CloseReport, EventMap, Listener, Runtime, State, WebSocket } from "../index.js";
import type { Ack } from "./acknowledgement.js";
import type { ChannelEventMap } from "./channel-state.js";
import { ChannelError, reportOf } from "./errors.js";
import type { ResolvedOptions } from "./resolve-options.js";
import { type Connection, Session, type SessionHost } from "./session.js";
import type { Topic } from "./topic.js";

type Client = WebSocket;

/** What a link uses of the hub. */
export interface LinkHost {
  readonly options: ResolvedOptions;
  nextId(): number;
  readAck(message: unknown): Ack | undefined;
  onMessage(event: EventMap<unknown>["message"], link: Link): void;
  onRefused(topic: Topic, error: ChannelError): void;
  /** `feed.onConnection` is about to return for a connection. Requests can be sent on it. */
  onSession(session: Session): void;
  onSessionEnd(session: Session, link: Link): void;
  /** All messages of connections that have ended may be delivered now, see {@link Link.isDelivering}. */
  onDelivered(): void;
  /** The client has ended, or cannot be used. */
  onClientEnd(link: Link, error: ChannelError | undefined): void;
  reportError(error: unknown): void;
}

/** The part of `setupTimeout` that a rotation may wait for acknowledgements. The rest is for the hook of the application. */
const waitShare = 0.8;
/** The milliseconds from a call of the hook until the feed must have been attached to the client. */
const attachDelay = 1_000;

export class Link {
  /** The channels that are placed on this client. */
  readonly topics: Map<string, Topic> = new Map<string, Topic>();
  /** True while the client does not read, because its inbox is full. */
  isPaused = false;
  /** True if the client has connected without having called the hook. */
  hasNoHook = false;
  readonly #host: LinkHost;
  /** The connections that have not ended, oldest first. */
  #sessions: Session[] = [];
  /** The open connections that are older than a connection that has ended. */
  readonly #olderThanEnded = new Set<Session>();
  #client: Client | undefined;
  #removeListeners: (() => void) | undefined;
  #hasEnded = false;

  constructor(host: LinkHost) {
    this.#host = host;
  }

  get client(): Client | undefined {
    return this.#client;
  }

  get runtime(): Runtime {
    return this.#client?.runtime ?? this.#host.options.runtime;
  }

  /** True after the client was closed. Such a client never connects again. */
  get isClosed(): boolean {
    return this.#hasEnded || this.#client?.state === "closed";
  }

  /** The newest connection on which requests can be sent. */
  get session(): Session | undefined {
    return this.#sessions.findLast(({ isSetUp, hasEnded }) => isSetUp && !hasEnded);
  }

  /**
   * True if messages of a connection that has ended may still be delivered: while reading is paused, and after the end of
   * the new connection of a rotation, whose messages are delivered after those of the old connection.
   */
  get isDelivering(): boolean {
    return this.isPaused || this.#olderThanEnded.size > 0;
  }

  get sessions(): readonly Session[] {
    return this.#sessions;
  }

  /** The number of channels that the connection of the server has or will have. */
  get load(): number {
    const leaving = this.#sessions.map(({ leavingCount }) => leavingCount);
    return this.topics.size + Math.max(0, ...leaving);
  }

  /** The object that the sessions of this link use. */
  readonly #sessionHost: SessionHost = this.#createSessionHost();

  #createSessionHost(): SessionHost {
    const runtimeOf = (): Runtime => this.runtime;
    const isPausedOf = (): boolean => this.isPaused;
    const retryCountOf = (): number => this.#countRetries();
    const optionsOf = (): SessionHost["options"] => this.#host.options.channels!;
    return {
      get runtime() {
        return runtimeOf();
      },
      get options() {
        return optionsOf();
      },
      get isPaused() {
        return isPausedOf();
      },
      get retryCount() {
        return retryCountOf();
      },
      isOpen: (name) => this.topics.has(name),
      isWanted: (name) => this.topics.get(name)?.isWanted === true,
      nextId: () => this.#host.nextId(),
      readAck: (message) => this.#host.readAck(message),
      onAccepted: (name) => {
        const topic = this.topics.get(name);
        const isRetryDue = topic?.isWanted === false;
        topic?.onAccepted();
        // Another connection has refused the channel, and waited for a retry that no longer takes place.
        if (isRetryDue) this.update(name);
      },
      onRefused: (name, error) => {
        const topic = this.topics.get(name);
        if (topic === undefined) return;
        this.#updateReady(topic, undefined);
        // A listener of `interrupted` may have closed the channel, and opened another one with its name.
        if (this.topics.get(name) === topic) this.#host.onRefused(topic, error);
      },
      reportError: (error) => this.#host.reportError(error),
    };
  }

  #countRetries(): number {
    let count = 0;
    for (const { name, isWanted } of this.topics.values())
      if (!isWanted && this.#sessions.some((session) => session.isAccepted(name))) count++;
    return count;
  }

  /** @throws ChannelError if the client has no hook, or is connected without having called the hook. */
  attach(client: Client): void {
    if (client.setupTimeout === undefined || (client.state === "connected" && this.#sessions.length === 0))
      throw noHook();
    this.#client = client;
    this.#listen(client);
    for (const session of this.#sessions) this.#start(session);
    if (this.session !== undefined) this.#host.onSession(this.session);
  }

  #listen(client: Client): void {
    const listeners: { readonly [Name in keyof EventMap<unknown>]?: Listener<EventMap<unknown>[Name]> } = {
      message: (event) => this.#host.onMessage(event, this),
      connected: () => this.#checkHook(),
      reconnected: () => this.#checkHook(),
      rotated: () => this.#checkHook(),
      paused: () => void (this.isPaused = true),
      resumed: () => {
        this.isPaused = false;
        this.#host.onDelivered();
      },
      gap: (event) => this.#emit("gap", event),
      recovered: (event) => this.#emit("recovered", event),
      reset: (event) => this.#emit("reset", event),
      stateChange: ({ to }) => this.#onState(to),
    };
    const entries = Object.entries(listeners) as [keyof EventMap<unknown>, Listener<unknown>][];
    for (const [name, listener] of entries) client.on(name, listener);
    this.#removeListeners = () => {
      for (const [name, listener] of entries) client.off(name, listener);
    };
  }

  #emit<Name extends "gap" | "recovered" | "reset">(name: Name, event: ChannelEventMap<unknown>[Name]): void {
    this.topics.get(event.stream)?.emit(name, event);
  }

  #checkHook(): void {
    if (this.#sessions.length > 0 || this.#client?.state !== "connected") return;
    this.hasNoHook = true;
    const error = noHook();
    this.#host.reportError(error);
    this.#host.onClientEnd(this, error);
  }

  #onState(state: State): void {
    if (state !== "closed" && state !== "failed") return;
    const report = this.#client?.lastReport;
    const cause = report?.error;
    const error = new ChannelError(
      `The client of the channel has ended with the state "${state}". See the properties cause and report of this error.`,
      { code: "CLIENT_ENDED", cause },
    );
    if (report !== undefined) error.report = report;
    this.#host.onClientEnd(this, state === "closed" && report?.verdict !== "aborted" ? undefined : error);
  }

  /**
   * The hook of the client. Waits for the acknowledgements of all channels only while an older connection is open, because
   * that connection still delivers the messages of the channels.
   */
  async onConnection(connection: Connection, signal: AbortSignal): Promise<void> {
    checkConnection(connection, signal);
    if (connection.ended.aborted || this.#hasEnded) return;
    // A second call for the connection would subscribe twice.
    if (this.#sessions.some((session) => session.connection === connection)) return;
    const older = this.#sessions.filter(({ isSetUp, hasEnded }) => isSetUp && !hasEnded);
    const session = new Session(connection, this.#sessionHost);
    this.#sessions.push(session);
    this.hasNoHook = false;
    connection.ended.addEventListener("abort", () => this.#onEnded(session), { once: true });
    if (this.#client !== undefined) {
      this.#start(session);
      if (older.length > 0 && this.#host.options.channels !== undefined)
        await this.#untilSubscribed(session, older, signal);
    } else this.#expectClient(connection.ended);
    if (session.hasEnded) return;
    session.finishSetup();
    this.#host.onSession(session);
  }

  /** Without its client, a feed receives nothing, and waits for ever. Nothing else would report this. */
  #expectClient(ended: AbortSignal): void {
    // `shards.connect` may take any time.
    if (this.#host.options.channels?.shards !== undefined) return;
    const check = (): void => {
      if (this.#client === undefined && !this.#hasEnded && !ended.aborted)
        this.#host.reportError(notAttached());
    };
    this.runtime.setTimer(attachDelay, check).unref();
  }

  #start(session: Session): void {
    if (this.#host.options.channels !== undefined) session.start(this.topics.keys());
  }

  async #untilSubscribed(session: Session, older: readonly Session[], signal: AbortSignal): Promise<void> {
    const stop = (): void => session.stopWaiting();
    const stopIfLast = (): void => {
      if (older.every(({ hasEnded }) => hasEnded)) stop();
    };
    const timer = this.runtime.setTimer(this.#client!.setupTimeout! * waitShare, stop);
    for (const { connection } of older) connection.ended.addEventListener("abort", stopIfLast);
    signal.addEventListener("abort", stop);
    await session.untilSettled();
    timer.clear();
    for (const { connection } of older) connection.ended.removeEventListener("abort", stopIfLast);
    signal.removeEventListener("abort", stop);
    const { openCount } = session;
    if (openCount === 0 || session.hasEnded || signal.aborted || older.every(({ hasEnded }) => hasEnded))
      return;
    const message =
      `The connection is replaced, although channels are not acknowledged on the new connection (${openCount}). Messages ` +
      `of these channels may be missing. Set a larger setupTimeout, batch or rate.`;
    this.#host.reportError(new ChannelError(message, { code: "INCOMPLETE" }));
  }

  #onEnded(session: Session): void {
    session.end();
    const index = Math.max(this.#sessions.indexOf(session), 0);
    const older = this.#sessions.slice(0, index);
    const newer = this.#sessions.slice(index + 1);
    for (const one of older) this.#olderThanEnded.add(one);
    this.#olderThanEnded.delete(session);
    this.#sessions = this.#sessions.filter((other) => other !== session);
    const report = reportOf(session.connection.ended);
    // The peer may have ended the connection of a rotation before it subscribed the channel on the newer connection.
    const mayMiss = older.length === 0 && report?.verdict !== "rotated";
    for (const topic of this.topics.values()) {
      const isAccepted = (one: Session): boolean => one.isAccepted(topic.name);
      if (mayMiss && isAccepted(session) && newer.some(isAccepted)) {
        topic.onLost(report);
        topic.onAccepted();
      } else this.#updateReady(topic, report);
    }
    this.#host.onSessionEnd(session, this);
  }

  #updateReady(topic: Topic, report: CloseReport | undefined): void {
    if (!this.#sessions.some((session) => session.isAccepted(topic.name))) topic.onLost(report);
  }

  add(topic: Topic): void {
    const { name } = topic;
    this.topics.set(name, topic);
    // The channel may have been closed and opened again before it was unsubscribed.
    if (this.#sessions.some((session) => session.isAccepted(name))) topic.onAccepted();
    this.update(name);
  }

  remove(topic: Topic): void {
    this.topics.delete(topic.name);
    this.update(topic.name);
  }

  /** The application opened or closed a channel, or its wait for a retry is over. */
  update(name: string): void {
    if (this.#host.options.channels !== undefined) for (const session of this.#sessions) session.update(name);
  }

  /**
   * Processes an acknowledgement that the client delivers.
   * @returns `false` if no connection waits for it.
   */
  acknowledge(ack: Ack): boolean {
    for (const session of this.#sessions) if (session.wasTapped(ack)) return true;
    for (const session of this.#sessions) if (session.acknowledge(ack)) return true;
    return false;
  }

  /** Stops following the client. */
  end(): void {
    this.#hasEnded = true;
    this.#removeListeners?.();
    this.#removeListeners = undefined;
    for (const session of this.#sessions) session.end();
    this.#sessions = [];
    this.#olderThanEnded.clear();
  }
}

/** Returns the error for a client that does not call the hook of the feed. */
export function noHook(): ChannelError {
  return new ChannelError(
    "The client does not call feed.onConnection. Create it with { onConnection: feed.onConnection }, or call and await " +
      "feed.onConnection(connection, signal) in its hook.",
    { code: "NO_HOOK" },
  );
}

function notAttached(): ChannelError {
  return new ChannelError(
    "The client calls feed.onConnection, but the feed is not attached. Call feed.attach(ws).",
    {
      code: "NOT_ATTACHED",
    },
  );
}

function checkConnection(connection: Connection, signal: AbortSignal): void {
  const given: unknown = connection;
  const isConnection =
    typeof given === "object" && given !== null && "ended" in given && given.ended instanceof AbortSignal;
  if (!isConnection || !((signal as unknown) instanceof AbortSignal))
    throw new TypeError(
      "feed.onConnection(connection, signal) takes the arguments of the client's hook onConnection.",
    );
}
