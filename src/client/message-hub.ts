import { inboxOverflow } from "../connection/failures.js";
import type { LiveConnection } from "../connection/live-connection.js";
import type { Sendable } from "../connection/pending-message.js";
import type { InvalidStateError, JetSocketError } from "../errors.js";
import type { Emitter } from "../events/emitter.js";
import type { EventMap, State } from "../events/event-map.js";
import type { OutboxDropCause } from "../buffer/outbox-policy.js";
import { ownCallOptions } from "../options/call-options.js";
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
import { Sender, type SenderHandler } from "./sending/sender.js";

export interface MessageHubHandler<Received, Sent> {
  /** All connections that are open. */
  connections(): readonly ClientConnection<Received, Sent>[];
  reportError(error: unknown): void;
  /** A message could not be decoded, and no listener was told of it. */
  warnUndecodable(error: JetSocketError): void;
  readonly state: State;
  stateError(operation: string): InvalidStateError;
  /** `closed` was told. */
  readonly isSettled: boolean;
  onPaused(): void;
  onResumed(): void;
  onIdleWait(change: number): void;
  onOverlapJoined(): void;
  onOverlapFull(): void;
}

/** All that the calls on a connection of a hook take. */
const hookCallNames = ["signal", "timeout", "compress", "binary", "payload"];

interface MessageHubContext<Received, Sent> {
  /** What users hold, for those who listen to diagnostics. */
  readonly publicClient: object;
  readonly options: ResolvedOptions<Received, Sent>;
  readonly emitter: Emitter<EventMap<Received>>;
  readonly statistics: Statistics;
}

/** What flows through a client, whichever connection it takes: messages in and out, pings, and their counts. */
export class MessageHub<Received, Sent>
  implements
    DispatcherHandler,
    SenderHandler,
    InboundPipelineHandler<Received, Sent>,
    ConnectionMessageHandler<Received, Sent>,
    LeftoversHandler
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
  #pingCount = 0;
  /** A message was dropped that could not be decoded, and nobody listened: one warning is enough for a client. */
  #hasWarned = false;
  /** The oldest ping of the user's own that is not answered, and the connection that it went on. */
  #ownPing: { readonly connection: number; readonly at: number } | undefined;

  /** @throws TypeError for a cursor in `replay.cursors` that is none. */
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
    const isWatched = this.sender.wantsReceived || heartbeat?.isPong !== undefined;
    const { dispatcher } = this;
    this.inbound = new InboundPipeline<Received, Sent>(
      { runtime, replay, emitter, dispatcher, isWatched, maxBytes: buffer.maxBytes },
      this,
    );
  }

  // Called by its receiver.

  onPaused(): void {
    this.leftovers.pause();
    // Nothing is told after `closed`.
    if (!this.dispatcher.isEndPending) this.#handler.onPaused();
  }

  /** What connections that are gone have left comes before what is read on those that are open. */
  onResumed(): void {
    if (this.leftovers.isPending) this.#options.runtime.defer(() => this.leftovers.deliver());
    if (!this.dispatcher.isEndPending) this.#handler.onResumed();
  }

  get hasLeftover(): boolean {
    return this.leftovers.isPending;
  }

  // Called by what is left of connections.

  isPaused(): boolean {
    return this.dispatcher.isPaused;
  }

  onDelivered(): void {
    this.dispatcher.onLeftoversDelivered();
    if (!this.dispatcher.isPaused)
      for (const connection of this.#handler.connections()) connection.resume("consumer");
  }

  /** The client's life ends. @param isImmediate - What was not delivered by now is dropped. */
  end(isImmediate: boolean, isStopping: boolean): void {
    const { leftovers, dispatcher, inbound } = this;
    if (!isImmediate) dispatcher.finishDraining();
    if (isImmediate) leftovers.discard();
    else if (leftovers.isPending && (isStopping || dispatcher.handlers.hasLasting)) {
      // No message comes after `closed`: handlers get the rest now, and the inbox takes its bound once more.
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
    // A listener may have ended the client inside the event of this very message: `closed` was the last one.
    if (event.cause === "closed" && this.#handler.isSettled) return;
    this.#emitter.emit("dropped", event);
  }

  onUndecodable(message: string | Buffer, error: JetSocketError): void {
    const isObserved = this.#emitter.has("error") || this.#emitter.has("dropped");
    this.onDropped({ direction: "in", message, cause: "decode" });
    this.#handler.reportError(error);
    if (isObserved || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#handler.warnUndecodable(error);
  }

  onConsumed(waited: number): void {
    this.#statistics.record("inboxMs", waited);
  }

  onError(error: unknown): void {
    this.#handler.reportError(error);
  }

  onIdleWait(change: number): void {
    this.#handler.onIdleWait(change);
  }

  // Called by its sender.

  onUnsent(message: unknown, cause: OutboxDropCause): void {
    this.onDropped({ direction: "out", message, cause });
  }

  onDrain(): void {
    this.#emitter.emit("drain", {});
  }

  get state(): State {
    return this.#handler.state;
  }

  stateError(operation: string): InvalidStateError {
    return this.#handler.stateError(operation);
  }

  // Called by what brings in.

  connectionOf(number: number): SetupConnection<Received, Sent> | undefined {
    return this.#handler.connections().find((connection) => connection.number === number)?.hook
      ?.publicConnection;
  }

  onOverlapJoined(): void {
    this.#handler.onOverlapJoined();
  }

  onOverlapFull(): void {
    this.#handler.onOverlapFull();
  }

  get isSettled(): boolean {
    return this.#handler.isSettled;
  }

  /** What `onConnection` and `onReplay` work on. */
  createHook(connection: ClientConnection<Received, Sent>): HookConnection<Received, Sent> {
    const { runtime, maxMessageSize, onConnection } = this.#options;
    const live = connection.live!;
    const { subprotocol, extensions } = connection.accepted!;
    return new HookConnection<Received, Sent>(
      {
        sender: {
          ...{ url: connection.url, subprotocol, extensions },
          send: (value, given) => {
            const options = ownCallOptions(given, hookCallNames);
            return this.#answer(() => live.send(serialize(this.serializer, value), options));
          },
          sendRaw: (data, given) => {
            const options = ownCallOptions(given, hookCallNames);
            return this.#answer(() => live.send(rawMessage(data, options), options));
          },
          ping: (given) => {
            const options = ownCallOptions(given, hookCallNames);
            const payload = (): Uint8Array => controlPayload(options?.payload) ?? this.nextPingPayload();
            return this.#answer(() => live.ping(payload(), options));
          },
        },
        ...{ runtime, deserializer: this.#deserializer, maxBytes: maxMessageSize },
        isHolding: onConnection !== undefined,
      },
      { onFull: (isFull) => (isFull ? connection.pause("hook") : connection.resume("hook")) },
    );
  }

  /** A call that throws rejects, and is told by an event too, for nobody may await its promise. */
  #answer<Value>(call: () => Promise<Value>): Promise<Value> {
    try {
      return call();
    } catch (error) {
      this.#handler.reportError(error);
      return rejected(error);
    }
  }

  onMessage(
    connection: ClientConnection<Received, Sent>,
    data: string | Buffer,
    size: number,
    at: number,
  ): void {
    this.#statistics.messagesReceived++;
    this.#statistics.payloadBytesReceived += size;
    this.inbound.receive(connection.number, data, size, at);
  }

  get isLending(): boolean {
    return this.inbound.isLending;
  }

  /** @returns `false` where a look at the message is not enough. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    if (!this.isLending) return false;
    this.#statistics.messagesReceived++;
    this.#statistics.payloadBytesReceived += bytes.length;
    this.dispatcher.handlers.lend(bytes, isBinary);
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

  /** A message came over a connection that has failed in its setup. */
  onDiscarded(message: string | Buffer): void {
    this.onDropped({ direction: "in", message, cause: "closed" });
  }

  /** A message of a hook did not leave. */
  onHookUnsent(data: Sendable): void {
    this.onUnsent(sourceOf(data), "unsent");
  }

  nextPingPayload(): Uint8Array {
    // From Node's pool: memory of its own would take as much again for each beat of each connection.
    const payload = Buffer.allocUnsafe(8);
    payload.writeUInt16BE(0, 0);
    payload.writeUIntBE(++this.#pingCount, 2, 6);
    return payload;
  }

  /** The heartbeat asks the peer for a sign of life. */
  sendPing({ live, isReady, number }: ClientConnection<Received, Sent>): void {
    const ping = this.#options.heartbeat?.ping;
    // While a hook logs in, a message of ours would come between.
    if (ping !== undefined && isReady && this.#sendOwnPing(live!, ping)) {
      if (this.#ownPing?.connection !== number)
        this.#ownPing = { connection: number, at: this.#options.runtime.now() };
    } else if (!live!.isClosing) live!.beat(this.nextPingPayload());
  }

  /** @returns `false` where there was none to send: the peer is watched all the same. */
  #sendOwnPing(live: LiveConnection, ping: () => Sent): boolean {
    try {
      const data = serialize(this.serializer, ping());
      // Both are functions of the user and may have closed the connection.
      if (live.isClosing) return false;
      live.give(data, undefined, ownPing);
      return true;
    } catch (error) {
      this.#handler.reportError(error);
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

  /** @returns `true` where the message answers an application ping, and is nobody's. */
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
      this.#handler.reportError(error);
      return false;
    }
  }
}
