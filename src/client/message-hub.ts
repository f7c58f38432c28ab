// Routes messages, pings and their statistics between the connections of a client and its readers, listeners and
// senders. It does not open or close connections.
import { inboxOverflow } from "../connection/failures.js";
import type { LiveConnection } from "../connection/live-connection.js";
import type { Sendable } from "../connection/pending-message.js";
import type { Refusal } from "../connection/refusals.js";
import type { InvalidStateError, JetSocketError } from "../errors.js";
import type { Emitter } from "../events/emitter.js";
import type { EventMap, State } from "../events/event-map.js";
import type { OutboxDropCause } from "../buffer/outbox-policy.js";
import { readCallOptions } from "../options/call-options.js";
import type { Deserializer, Serializer, SetupConnection } from "../options/options.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { Statistics } from "../stats/statistics.js";
import { rejected } from "../runtime/wait.js";
import { deserializeByDefault, serializeByDefault } from "./sending/default-messages.js";
import { diagnostics } from "./reporting/diagnostics.js";
import { HookConnection } from "./connection/hook-connection.js";
import { InboundPipeline, type InboundPipelineHandler } from "./receiving/inbound-pipeline.js";
import type { ClientConnection, ConnectionMessageHandler } from "./connection/client-connection.js";
import { controlPayload, rawMessage, serialize } from "./sending/serialize.js";
import type { DispatcherHandler } from "./receiving/dispatcher-handler.js";
import { Dispatcher } from "./receiving/dispatcher.js";
import { Leftovers, type LeftoversHandler } from "./receiving/leftovers.js";
import { ownPing, sourceOf } from "./sending/outbox-message.js";
import { RefusedCalls, type RefusedCallsHandler } from "./sending/refused-calls.js";
import { Sender, type SenderHandler } from "./sending/sender.js";

export interface MessageHubHandler<Received, Sent> {
  /** All open connections; two during a rotation. */
  connections(): readonly ClientConnection<Received, Sent>[];
  reportError(error: unknown): void;
  /** Reports an error that a user function threw. @param what - For example `The option heartbeat.ping`. */
  reportFunctionError(what: string, thrown: unknown): void;
  /** A call was refused, its promise is not handled, and `error` had no listener. */
  warnUnhandled(error: unknown): void;
  /** A message could not be decoded, and the client has no listener that reports it. */
  warnUndecodable(error: JetSocketError): void;
  readonly state: State;
  stateError(operation: string): InvalidStateError;
  /** `true` if messages are accepted, by a connection or by the outbox. */
  readonly isAccepting: boolean;
  /** `true` after the event `closed`: no further event may be emitted. */
  readonly isSettled: boolean;
  onPaused(): void;
  onResumed(): void;
  onIdleWait(change: number): void;
  onOverlapCaughtUp(): void;
  onOverlapFull(): void;
}

// The options of the calls that a hook can make on its connection.
const sendNames = ["signal", "timeout", "compress"];
const rawNames = [...sendNames, "binary"];
const pingNames = ["signal", "timeout", "payload"];

interface MessageHubContext<Received, Sent> {
  /** The public client object, which diagnostics channels publish. */
  readonly publicClient: object;
  readonly options: ResolvedOptions<Received, Sent>;
  readonly emitter: Emitter<EventMap<Received>>;
  readonly statistics: Statistics;
}

/** Connects the layers that receive and send messages with the connections of one client. */
export class MessageHub<Received, Sent>
  implements
    DispatcherHandler,
    SenderHandler,
    InboundPipelineHandler<Received, Sent>,
    ConnectionMessageHandler<Received, Sent>,
    LeftoversHandler,
    RefusedCallsHandler
{
  readonly dispatcher: Dispatcher<Received>;
  readonly inbound: InboundPipeline<Received, Sent>;
  readonly sender: Sender<Received, Sent>;
  readonly leftovers: Leftovers = new Leftovers(this);
  readonly serializer: Serializer<Sent>;
  readonly #deserializer: Deserializer<Received>;
  readonly #publicClient: object;
  readonly #options: ResolvedOptions<Received, Sent>;
  readonly #emitter: Emitter<EventMap<Received>>;
  readonly #statistics: Statistics;
  readonly #handler: MessageHubHandler<Received, Sent>;
  /** Created for the first refused call that no `error` listener receives. */
  #refusedCalls: RefusedCalls | undefined;
  #pingCount = 0;
  /** The process warning for an undecodable message without a listener is emitted once per client. */
  #hasWarnedUndecodable = false;
  /** The oldest application ping without an answer, and the number of the connection that sent it. */
  #ownPing: { readonly connection: number; readonly at: number } | undefined;

  /** @throws TypeError if `replay.cursors` contains an invalid cursor. */
  constructor(context: MessageHubContext<Received, Sent>, handler: MessageHubHandler<Received, Sent>) {
    const { options, emitter, statistics } = context;
    const { runtime, buffer, replay, heartbeat } = options;
    this.#publicClient = context.publicClient;
    this.#options = options;
    this.#emitter = emitter;
    this.#statistics = statistics;
    this.#handler = handler;
    this.serializer = options.serializer ?? serializeByDefault;
    this.#deserializer = options.deserializer ?? (deserializeByDefault as Deserializer<Received>);
    this.dispatcher = new Dispatcher(runtime, emitter, { deserializer: this.#deserializer, buffer }, this);
    this.sender = new Sender(runtime, options, this);
    const isInspected = this.sender.needsReceivedMessages || heartbeat?.isPong !== undefined;
    const { dispatcher } = this;
    this.inbound = new InboundPipeline<Received, Sent>(
      { runtime, replay, emitter, dispatcher, statistics, isInspected, maxBytes: buffer.maxBytes },
      this,
    );
  }

  // Called by the dispatcher.

  onPaused(): void {
    this.leftovers.pause();
    // No event may follow `closed`.
    if (!this.dispatcher.isEndPending) this.#handler.onPaused();
  }

  /** Messages of ended connections are delivered before newer messages of open connections. */
  onResumed(): void {
    if (this.leftovers.isPending) this.#options.runtime.defer(() => this.leftovers.deliver());
    if (!this.dispatcher.isEndPending) this.#handler.onResumed();
  }

  get hasLeftover(): boolean {
    return this.leftovers.isPending;
  }

  // Called by the leftovers.

  isPaused(): boolean {
    return this.dispatcher.isPaused;
  }

  onDelivered(): void {
    this.dispatcher.onLeftoversDelivered();
    if (!this.dispatcher.isPaused)
      for (const connection of this.#handler.connections()) connection.resume("consumer");
  }

  /**
   * Ends the delivery of received messages.
   *
   * @param isImmediate - Undelivered messages are dropped.
   * @param isStopping - The end was requested by this client.
   */
  end(isImmediate: boolean, isStopping: boolean): void {
    const { leftovers, dispatcher, inbound } = this;
    if (!isImmediate) dispatcher.finishDraining();
    if (isImmediate) leftovers.discard();
    else if (leftovers.isPending && (isStopping || dispatcher.listeners.hasLasting)) {
      // No message may follow `closed`: listeners receive the leftovers now, and the inbox accepts up to twice its
      // bounds.
      dispatcher.beginClosing();
      leftovers.flush();
    }
    inbound.stop();
    leftovers.after(() => inbound.finish());
  }

  onInboxFull(): void {
    const { capacity } = this.#options.buffer;
    for (const { live } of this.#handler.connections()) live?.fail(inboxOverflow(capacity));
  }

  onDropped(event: EventMap<Received>["dropped"]): void {
    this.#statistics.messagesDropped++;
    // A listener of this message may have ended the client, or `recv()` decodes it after the end. `closed` must be the last
    // event.
    if (this.#handler.isSettled) return;
    this.#emitter.emit("dropped", event);
  }

  onUndecodable(message: string | Buffer, error: JetSocketError): void {
    const { isSettled } = this.#handler;
    const isObserved = !isSettled && (this.#emitter.has("error") || this.#emitter.has("dropped"));
    this.onDropped({ direction: "in", message, cause: "decode" });
    if (!isSettled) this.#handler.reportError(error);
    if (isObserved || this.#hasWarnedUndecodable) return;
    this.#hasWarnedUndecodable = true;
    this.#handler.warnUndecodable(error);
  }

  onConsumed(waited: number): void {
    this.#statistics.record("inboxMs", waited);
  }

  onError(error: unknown): void {
    this.#handler.reportError(error);
  }

  onFunctionError(what: string, thrown: unknown): void {
    this.#handler.reportFunctionError(what, thrown);
  }

  onIdleWait(change: number): void {
    this.#handler.onIdleWait(change);
  }

  // Called by the sender.

  onRefused({ error, promise }: Refusal, isAborted: boolean): Promise<never> {
    // Read before the event is emitted, because a `once` listener is removed when its event is emitted.
    const hasListener = this.#emitter.has("error");
    this.#handler.reportError(error);
    if (hasListener || isAborted) return promise;
    this.#refusedCalls ??= new RefusedCalls(this.#options.runtime, this);
    return this.#refusedCalls.watch(error, promise);
  }

  /** Called by the refused calls. */
  warnUnhandled(error: unknown): void {
    this.#handler.warnUnhandled(error);
  }

  onUnsent(message: unknown, cause: OutboxDropCause): void {
    this.onDropped({ direction: "out", message, cause });
  }

  onDrain(): void {
    this.#emitter.emit("drain", {});
  }

  get state(): State {
    return this.#handler.state;
  }

  get isAccepting(): boolean {
    return this.#handler.isAccepting;
  }

  stateError(operation: string): InvalidStateError {
    return this.#handler.stateError(operation);
  }

  // Called by the inbound pipeline.

  connectionOf(number: number): SetupConnection<Received, Sent> | undefined {
    return this.#handler.connections().find((connection) => connection.number === number)?.hook
      ?.publicConnection;
  }

  onOverlapCaughtUp(): void {
    this.#handler.onOverlapCaughtUp();
  }

  onOverlapFull(): void {
    this.#handler.onOverlapFull();
  }

  get isSettled(): boolean {
    return this.#handler.isSettled;
  }

  /** Creates the connection object that `onConnection` and `onReplay` receive. */
  createHook(connection: ClientConnection<Received, Sent>): HookConnection<Received, Sent> {
    const { runtime, maxMessageSize, onConnection } = this.#options;
    const live = connection.live!;
    const { subprotocol, extensions } = connection.accepted!;
    return new HookConnection<Received, Sent>(
      {
        sender: {
          ...{ url: connection.url, subprotocol, extensions },
          send: (value, given) =>
            this.#rejectIfThrows(() => {
              const options = readCallOptions(given, sendNames);
              return live.queue.send(serialize(this.serializer, value), options);
            }),
          sendRaw: (data, given) =>
            this.#rejectIfThrows(() => {
              const options = readCallOptions(given, rawNames);
              return live.queue.send(rawMessage(data, options), options);
            }),
          ping: (given) =>
            this.#rejectIfThrows(() => {
              const options = readCallOptions(given, pingNames);
              return live.ping(controlPayload(options?.payload) ?? this.nextPingPayload(), options);
            }),
        },
        ...{ runtime, deserializer: this.#deserializer, maxBytes: maxMessageSize },
        isBuffering: onConnection !== undefined,
      },
      { onFull: (isFull) => (isFull ? connection.pause("hook") : connection.resume("hook")) },
    );
  }

  /** Turns a thrown error into a rejection. It also reports the error, because the caller may ignore the promise. */
  #rejectIfThrows<Value>(call: () => Promise<Value>): Promise<Value> {
    try {
      return call();
    } catch (error) {
      this.#handler.reportError(error);
      return rejected(error);
    }
  }

  get isLending(): boolean {
    return this.inbound.isLending;
  }

  /** @returns `false` if a consumer needs a copy or a decoded value of the message. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    if (!this.isLending) return false;
    this.#statistics.messagesReceived++;
    this.#statistics.payloadBytesReceived += bytes.length;
    this.dispatcher.listeners.emitBorrowed(bytes, isBinary);
    return true;
  }

  onPing(payload: Buffer): void {
    this.#emitter.emit("ping", { payload });
  }

  onWithdrawn(token: unknown): void {
    this.sender.onWithdrawn(token);
  }

  onSampled(duration: number): void {
    this.#statistics.record("sendMs", duration);
  }

  emitReconnected(event: EventMap<Received>["reconnected"]): void {
    this.#statistics.reconnectCount++;
    this.#statistics.record("recoveryMs", event.downtimeMs);
    this.#emitter.emit("reconnected", event);
  }

  /** A message arrived on a connection whose setup failed. */
  onDiscarded(message: string | Buffer): void {
    this.onDropped({ direction: "in", message, cause: "closed" });
  }

  /** A message that a hook sent was not written. */
  onHookUnsent(data: Sendable): void {
    this.onUnsent(sourceOf(data), "unsent");
  }

  nextPingPayload(): Uint8Array {
    // `allocUnsafe` uses Node's buffer pool. A separate allocation for each ping would double its memory.
    const payload = Buffer.allocUnsafe(8);
    payload.writeUInt16BE(0, 0);
    payload.writeUIntBE(++this.#pingCount, 2, 6);
    return payload;
  }

  /** Sends a heartbeat: the application ping of the option `heartbeat.ping`, or a WebSocket ping frame. */
  sendPing({ live, isReady, number }: ClientConnection<Received, Sent>): void {
    const ping = this.#options.heartbeat?.ping;
    // Until the connection is set up, an application message could interfere with the messages of `onConnection`.
    if (ping !== undefined && isReady && this.#sendOwnPing(live!, ping)) {
      if (this.#ownPing?.connection !== number)
        this.#ownPing = { connection: number, at: this.#options.runtime.now() };
    } else if (!live!.isClosing) live!.sendHeartbeatPing(this.nextPingPayload());
  }

  /**
   * @returns `false` if no application ping was sent. The caller then sends a ping frame, so that the peer is still
   *   checked.
   */
  #sendOwnPing(live: LiveConnection, ping: () => Sent): boolean {
    try {
      const data = serialize(this.serializer, ping());
      // `ping()` and the serializer are user functions; they may have closed the connection.
      if (live.isClosing) return false;
      live.queue.sendAccepted(data, undefined, ownPing);
      return true;
    } catch (error) {
      this.#handler.reportFunctionError("The option heartbeat.ping", error);
      return false;
    }
  }

  onPong(payload: Buffer, latencyMs: number | undefined): void {
    if (latencyMs !== undefined) {
      this.#statistics.record("latencyMs", latencyMs);
      diagnostics.ping(this.#publicClient, latencyMs);
    }
    if (this.#emitter.has("pong")) this.#emitter.emit("pong", { payload, latencyMs });
  }

  /** @returns `true` if the message answers an application ping. It is then not delivered. */
  onDecoded(message: Received, at: number, connection: number): boolean {
    this.sender.received(message);
    if (!this.#isPong(message)) return false;
    const own = this.#ownPing?.connection === connection ? this.#ownPing : undefined;
    this.#ownPing = undefined;
    this.onPong(Buffer.alloc(0), own === undefined ? undefined : at - own.at);
    return true;
  }

  #isPong(message: Received): boolean {
    const isPong = this.#options.heartbeat?.isPong;
    if (isPong === undefined) return false;
    try {
      return isPong(message);
    } catch (error) {
      this.#handler.reportFunctionError("The option heartbeat.isPong", error);
      return false;
    }
  }
}
