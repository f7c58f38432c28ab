/**
 * Passes messages and pings between the connections of a client and the layers that receive and send messages. This
 * module does not open or close connections.
 */
import { inboxOverflow } from "../connection/failures.js";
import type { LiveConnection } from "../connection/live-connection.js";
import type { Sendable } from "../connection/pending-message.js";
import type { Refusal } from "../connection/refusals.js";
import { type InvalidStateError, type JetSocketError, ValidationError } from "../errors.js";
import type { Emitter } from "../events/emitter.js";
import type { DroppedEvent, EventMap, State } from "../events/event-map.js";
import type { OutboxDropCause } from "../buffer/outbox-policy.js";
import { pingNames, rawNames, readCallOptions, sendNames } from "../options/call-options.js";
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
import { isUndecodable } from "./receiving/decoder.js";
import { Dispatcher } from "./receiving/dispatcher.js";
import { Leftovers, type LeftoversHandler } from "./receiving/leftovers.js";
import { ownPing, sourceOf } from "./sending/outbox-message.js";
import { RefusedCalls } from "./sending/refused-calls.js";
import { Sender, type SenderHandler } from "./sending/sender.js";
import { validating } from "./receiving/validation.js";

/**
 * The parts of a client that its message hub uses. Messages have the type `unknown`: only the public class knows the
 * types of the user.
 */
export interface MessageHubClient {
  /** The public client object, which diagnostics channels publish. */
  readonly publicClient: object;
  readonly options: ResolvedOptions;
  readonly emitter: Emitter<EventMap<unknown>>;
  readonly statistics: Statistics;
  /** All attempts and connections that have not ended. */
  connections(): readonly ClientConnection[];
  reportError(error: unknown): void;
  /** Hides secrets in an error that a function of the application may have thrown. */
  redacted<Thrown>(error: Thrown): Thrown;
  /**
   * Reports an error that a user function threw.
   * @param what - The subject of the error message, such as `The option heartbeat.ping`.
   */
  reportFunctionError(what: string, thrown: unknown): void;
  /** Warns that a call was refused, its promise is not handled, and the event `error` has no listener. */
  warnUnhandled(error: unknown): void;
  /** Warns that a message could not be decoded, and that no listener was notified. */
  warnUndecodable(error: JetSocketError): void;
  readonly state: State;
  stateError(operation: string): InvalidStateError;
  /** `true` if messages are accepted, by a connection or by the outbox. */
  readonly isAccepting: boolean;
  /** `true` after the event `closed`: no further event may be emitted. */
  readonly isSettled: boolean;
  onPaused(): void;
  onResumed(): void;
  /** @param change - 1 if a call begins to wait while the client is idle; -1 if the wait of such a call ends. */
  onIdleWait(change: number): void;
}

/** Links the connections of one client to the layers that receive and send messages. */
export class MessageHub
  implements
    DispatcherHandler,
    SenderHandler,
    InboundPipelineHandler,
    ConnectionMessageHandler,
    LeftoversHandler
{
  readonly dispatcher: Dispatcher;
  readonly inbound: InboundPipeline;
  readonly sender: Sender;
  readonly leftovers: Leftovers = new Leftovers(this);
  readonly serializer: Serializer<unknown>;
  readonly #deserializer: Deserializer<unknown>;
  readonly #client: MessageHubClient;
  /** Created when a call is refused for the first time while the event `error` has no listener. */
  #refusedCalls: RefusedCalls | undefined;
  #pingCount = 0;
  /** True if the process was warned of an undecodable message. One warning per client is sufficient. */
  #hasWarnedUndecodable = false;
  /** The oldest application ping without an answer, and the number of the connection that sent it. */
  #ownPing: { readonly connection: number; readonly at: number } | undefined;

  /** @throws TypeError if `replay.cursors` contains an invalid cursor. */
  constructor(client: MessageHubClient) {
    const { options, emitter, statistics } = client;
    const { runtime, buffer, replay, heartbeat, schema, schemaMode } = options;
    this.#client = client;
    this.serializer = options.serializer ?? serializeByDefault;
    this.#deserializer = validating(options.deserializer ?? deserializeByDefault, schema, schemaMode);
    this.dispatcher = new Dispatcher(runtime, emitter, { deserializer: this.#deserializer, buffer }, this);
    this.sender = new Sender(runtime, options, this);
    const isInspected = options.outbox?.acknowledges !== undefined || heartbeat?.isPong !== undefined;
    const { dispatcher } = this;
    this.inbound = new InboundPipeline(
      { runtime, replay, emitter, dispatcher, statistics, isInspected, maxBytes: buffer.maxBytes },
      this,
    );
  }

  // The following methods are called by the dispatcher.

  onPaused(): void {
    this.leftovers.pause();
    // No event may follow `closed`.
    if (!this.dispatcher.isEndPending) this.#client.onPaused();
  }

  /** Messages of ended connections are delivered before newer messages of open connections. */
  onResumed(): void {
    if (this.leftovers.isPending) this.#client.options.runtime.defer(() => this.leftovers.deliver());
    if (!this.dispatcher.isEndPending) this.#client.onResumed();
  }

  get hasLeftover(): boolean {
    return this.leftovers.isPending;
  }

  // The following methods are called by the queue of ended connections (`leftovers`).

  isPaused(): boolean {
    return this.dispatcher.isPaused;
  }

  onDelivered(): void {
    this.dispatcher.onLeftoversDelivered();
    if (!this.dispatcher.isPaused)
      for (const connection of this.#client.connections()) connection.resume("consumer");
  }

  /**
   * Ends the delivery of received messages.
   *
   * @param isImmediate - True to drop undelivered messages.
   * @param isStopping - True if the user requested the end of the client.
   */
  end(isImmediate: boolean, isStopping: boolean): void {
    const { leftovers, dispatcher, inbound } = this;
    if (!isImmediate) dispatcher.finishDraining();
    if (isImmediate) leftovers.discard();
    else if (leftovers.isPending && (isStopping || dispatcher.listeners.hasLasting)) {
      // No message may follow `closed`, so the remaining messages of ended connections are delivered now. These
      // messages may exceed the limits of the inbox. From now on, the inbox accepts up to twice its limits.
      dispatcher.beginClosing();
      leftovers.flush();
    }
    inbound.stop();
    leftovers.after(() => inbound.finish());
  }

  onInboxFull(): void {
    const { capacity } = this.#client.options.buffer;
    for (const { live } of this.#client.connections()) live?.fail(inboxOverflow(capacity));
  }

  onDropped(event: DroppedEvent): void {
    this.#client.statistics.messagesDropped++;
    // No event may follow `closed`, so a message that is dropped after `closed` is not reported. Such a drop is
    // possible if a listener has ended the client, or if `recv()` decodes the message after the end of the client.
    if (!this.#client.isSettled) this.#client.emitter.emit("dropped", event);
  }

  onUndecodable(message: string | Buffer, error: JetSocketError): void {
    const { isSettled, emitter } = this.#client;
    const isObserved = !isSettled && (emitter.has("error") || emitter.has("dropped"));
    this.onDropped({
      direction: "in",
      message,
      cause: error instanceof ValidationError ? "schema" : "decode",
    });
    if (error.code === "VALIDATION_FAILED" && this.#client.options.schemaMode === "lenient") return;
    if (!isSettled) this.#client.reportError(error);
    // The client warns of a failed function itself.
    if (error.code === "SCHEMA_FUNCTION_FAILED") return;
    if (isObserved || this.#hasWarnedUndecodable) return;
    this.#hasWarnedUndecodable = true;
    this.#client.warnUndecodable(error);
  }

  onConsumed(waited: number): void {
    this.#client.statistics.record("inboxMs", waited);
  }

  onError(error: unknown): void {
    this.#client.reportError(error);
  }

  onFunctionError(what: string, thrown: unknown): void {
    this.#client.reportFunctionError(what, thrown);
  }

  onIdleWait(change: number): void {
    this.#client.onIdleWait(change);
  }

  // The following methods are called by the sender.

  onRefused({ error, promise }: Refusal, isAborted: boolean): Promise<never> {
    // `has()` is called before the event is emitted, because the emission removes listeners that were added by
    // `once()`.
    const hasListener = this.#client.emitter.has("error");
    this.#client.reportError(error);
    if (hasListener || isAborted) return promise;
    this.#refusedCalls ??= new RefusedCalls(this.#client.options.runtime, this.#client);
    return this.#refusedCalls.watch(error, promise);
  }

  onUnsent(message: unknown, cause: OutboxDropCause): void {
    this.onDropped({ direction: "out", message, cause });
  }

  onDrain(): void {
    this.#client.emitter.emit("drain", {});
  }

  get state(): State {
    return this.#client.state;
  }

  get isAccepting(): boolean {
    return this.#client.isAccepting;
  }

  stateError(operation: string): InvalidStateError {
    return this.#client.stateError(operation);
  }

  // The following methods are called by the inbound pipeline.

  connectionOf(number: number): SetupConnection<unknown, unknown> | undefined {
    const connection = this.#client.connections().find((one) => one.number === number);
    return connection?.hook?.publicConnection;
  }

  get isSettled(): boolean {
    return this.#client.isSettled;
  }

  // The following methods are called by the connections.

  /** Creates the connection object that `onConnection` and `onReplay` receive. */
  createHook(connection: ClientConnection): HookConnection {
    const { runtime, maxMessageSize, onConnection } = this.#client.options;
    const live = connection.live!;
    const { shownSubprotocol: subprotocol, extensions } = connection.accepted!;
    return new HookConnection({
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
      onFull: (isFull) => (isFull ? connection.pause("hook") : connection.resume("hook")),
    });
  }

  /** Turns a thrown error into a rejection, and reports the error, because the caller may ignore the promise. */
  #rejectIfThrows<Value>(call: () => Promise<Value>): Promise<Value> {
    try {
      return call();
    } catch (thrown) {
      const error: unknown = this.#client.redacted(thrown);
      this.#client.reportError(error);
      return rejected(error);
    }
  }

  /** True while messages may be passed to {@link onBorrowed}. */
  get isLending(): boolean {
    return this.inbound.isLending;
  }

  /** @returns `false` if a consumer needs a copy or a decoded value of the message. */
  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    if (!this.isLending) return false;
    this.#client.statistics.messagesReceived++;
    this.#client.statistics.payloadBytesReceived += bytes.length;
    this.dispatcher.listeners.emitBorrowed(bytes, isBinary);
    return true;
  }

  onPing(payload: Buffer): void {
    this.#client.emitter.emit("ping", { payload });
  }

  onWithdrawn(token: unknown): void {
    this.sender.onWithdrawn(token);
  }

  onSampled(duration: number): void {
    this.#client.statistics.record("sendMs", duration);
  }

  /**
   * A connection received a message, but its setup failed or was not completed. A message that does not match the schema
   * is reported as such, because it may be the one for which `onConnection` waited.
   */
  onDiscarded(message: string | Buffer): void {
    const { schema } = this.#client.options;
    if (schema !== undefined && isUndecodable(this.dispatcher.decoder.decode(message))) return;
    this.onDropped({ direction: "in", message, cause: "closed" });
  }

  /** A message that `onConnection` or `onReplay` sent was not written. */
  onHookUnsent(data: Sendable): void {
    this.onUnsent(sourceOf(data), "unsent");
  }

  nextPingPayload(): Uint8Array {
    // `allocUnsafe` uses Node's buffer pool. A separate allocation for each ping would double the memory of the ping.
    const payload = Buffer.allocUnsafe(8);
    payload.writeUInt16BE(0, 0);
    payload.writeUIntBE(++this.#pingCount, 2, 6);
    return payload;
  }

  /** Sends a heartbeat: the application ping of the option `heartbeat.ping`, or a WebSocket ping frame. */
  sendPing({ live, isReady, number }: ClientConnection): void {
    const { heartbeat, runtime } = this.#client.options;
    const ping = heartbeat?.ping;
    // Before the connection is set up, an application ping could interfere with the messages of `onConnection`.
    if (ping !== undefined && isReady && this.#sendOwnPing(live!, ping)) {
      if (this.#ownPing?.connection !== number) this.#ownPing = { connection: number, at: runtime.now() };
    } else if (!live!.isClosing) live!.sendHeartbeatPing(this.nextPingPayload());
  }

  /** @returns `false` if no application ping was sent. The caller then sends a ping frame instead. */
  #sendOwnPing(live: LiveConnection, ping: () => unknown): boolean {
    try {
      const data = serialize(this.serializer, ping());
      // The option `heartbeat.ping` and the serializer are user functions. Each of them may have closed the connection.
      if (live.isClosing) return false;
      live.queue.sendAccepted(data, undefined, ownPing);
      return true;
    } catch (error) {
      this.#client.reportFunctionError("The option heartbeat.ping", error);
      return false;
    }
  }

  onPong(payload: Buffer, latencyMs: number | undefined): void {
    if (latencyMs !== undefined) {
      this.#client.statistics.record("latencyMs", latencyMs);
      diagnostics.ping(this.#client.publicClient, latencyMs);
    }
    if (this.#client.emitter.has("pong")) this.#client.emitter.emit("pong", { payload, latencyMs });
  }

  /** @returns `true` if the message answers an application ping and must not be delivered. */
  onDecoded(message: unknown, at: number, connection: number): boolean {
    this.sender.received(message);
    if (!this.#isPong(message)) return false;
    const own = this.#ownPing?.connection === connection ? this.#ownPing : undefined;
    this.#ownPing = undefined;
    this.onPong(Buffer.alloc(0), own === undefined ? undefined : at - own.at);
    return true;
  }

  #isPong(message: unknown): boolean {
    const isPong = this.#client.options.heartbeat?.isPong;
    try {
      return isPong !== undefined && isPong(message);
    } catch (error) {
      this.#client.reportFunctionError("The option heartbeat.isPong", error);
      return false;
    }
  }
}
