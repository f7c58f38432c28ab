import { CloseCode, InvalidStateError } from "../../protocol/index.js";
import type { MessageOptions } from "../connection/send-queue.js";
import type { CloseReport } from "../events/close-report.js";
import type { BorrowedMessage, EventMap, EventName, Listener, State } from "../events/event-map.js";
import { checkEventName } from "../events/event-names.js";
import { findWrongOption, ownCallOptions } from "../options/call-options.js";
import type {
  NarrowingRecvOptions,
  Provided,
  RecvOptions,
  Url,
  WebSocketOptions,
} from "../options/options.js";
import { resolveOptions } from "../options/resolve-options.js";
import { rejected, type WaitOptions } from "../runtime/wait.js";
import type { Stats } from "../stats/statistics.js";
import type { Cursors } from "../buffer/cursor.js";
import { CallSite } from "./lifecycle/call-site.js";
import { Client } from "./client.js";
import { type ListenerOptions, mayBorrow } from "./receiving/listener-options.js";
import {
  controlPayload,
  type RawData,
  type RawMessageOptions,
  rawMessage,
  serialize,
} from "./sending/serialize.js";
import { nodeRuntime } from "./runtime.js";
import type { SendResult } from "./sending/sender.js";

/** The same symbol in each copy of the package. */
const instanceMark = Symbol.for("jetsocket.WebSocket");

const waitNames = ["signal", "timeout"];
const recvNames = [...waitNames, "match"];
const sendNames = [...waitNames, "compress"];
const rawNames = [...sendNames, "binary"];
const pingNames = [...waitNames, "payload"];

export interface PingOptions extends WaitOptions {
  /** At most 125 bytes (RFC 6455 5.5). Default: eight bytes that no other ping of this client has. */
  readonly payload?: Uint8Array | undefined;
}

/**
 * A WebSocket client (RFC 6455, RFC 7692).
 *
 * Messages are read by `for await`, by {@link recv}, or by a `message` handler; none is lost between them.
 * A call in the wrong state, or with a wrong option, rejects; it never throws. A call that nobody awaits, such as `send()`, never
 * ends the process by an unhandled rejection. Only `connect()` and `run()` may: where one fails that nobody handles, and no listener
 * of `error` or `closed`, no loop and no `recv()` is notified.
 *
 * @typeParam Received - What the deserializer gives.
 * @typeParam Sent - What the serializer takes.
 */
export class WebSocket<Received = unknown, Sent = unknown>
  implements AsyncIterable<Received>, AsyncDisposable
{
  /**
   * An instance is recognised by a mark and not by its class: it may come from the other copy of the package, where a process has
   * loaded both the ES modules and the CommonJS one. A subclass is matched as any class is.
   */
  static [Symbol.hasInstance](value: unknown): boolean {
    // Not by the name of the class: the bundler would give it another one.
    if (!Object.hasOwn(this, instanceMark)) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && instanceMark in value;
  }

  static {
    for (const marked of [this, this.prototype]) Object.defineProperty(marked, instanceMark, { value: true });
  }

  readonly #client: Client<Received, Sent>;

  /**
   * Makes a client; nothing is opened before {@link connect} or {@link run}.
   *
   * @param url - `ws:` or `wss:`, or a function that is asked for it at each attempt. Userinfo goes as Basic authorization.
   * @throws TypeError or RangeError for a wrong url or option, which it names, with the value that it got.
   */
  constructor(url: Provided<Url>, options: WebSocketOptions<Received, Sent> = {}) {
    const resolved = resolveOptions(options, nodeRuntime);
    this.#client = new Client(this, { url, options: resolved }, resolved);
  }

  get state(): State {
    return this.#client.state;
  }

  /** The url without credentials; empty before the first attempt where a function is asked for it. */
  get url(): string {
    return this.#client.url;
  }

  /** The subprotocol that the server chose; empty where it chose none. */
  get subprotocol(): string {
    return this.#client.accepted?.subprotocol ?? "";
  }

  /** The extension agreed on, such as `permessage-deflate`, with its parameters; empty where there is none. */
  get extensions(): string {
    return this.#client.accepted?.extensions ?? "";
  }

  /** The bytes accepted by `send` that the kernel has not taken, framing included. */
  get bufferedAmount(): number {
    return this.#client.live?.bufferedAmount ?? 0;
  }

  /** How the last connection or attempt ended. */
  get lastReport(): CloseReport | undefined {
    return this.#client.lastReport;
  }

  /**
   * Adds a handler that is lent the bytes of each message, text and binary alike, where they lie: nothing is copied for it, and no text
   * decoded, though one that is not UTF-8 fails the connection all the same (RFC 6455 8.1) and is not told.
   *
   * `data` is a view of memory that is used again: it is valid until the handler returns, in an async handler until its first `await`.
   * `Buffer.from(data)` keeps it, `data.toString()` reads it. To write into it changes this message for the handlers behind, and no other one.
   *
   * In all else it is a `rawMessage` handler: messages go to it, and to the inbox only where somebody reads. Where others want a message
   * too (another handler of messages, a loop, a `recv()`, `replay`, `isPong`, `acknowledges`) each gets it as ever, and this handler a
   * view of bytes that were copied or encoded for it. What waits in the inbox comes to it in such a view too, before anything newer.
   * `rawMessage` handlers come before those with the option, and these before `message` handlers.
   *
   * @throws TypeError for another event, or an option that is none.
   */
  on(
    name: "rawMessage",
    listener: Listener<BorrowedMessage>,
    options: ListenerOptions & { readonly borrowed: true },
  ): this;
  /**
   * Adds a handler. A `message` or `rawMessage` handler gets what waits in the inbox before anything newer.
   *
   * @throws TypeError for a name that no event has, a listener that is no function, or an option that is none.
   */
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
    checkEventName(name);
    const { emitter, hub } = this.#client;
    if (mayBorrow("on", name, options))
      hub.dispatcher.handlers.addBorrower(listener as Listener<BorrowedMessage>);
    else emitter.add(name, listener, false);
    if (name === "message" || name === "rawMessage") hub.dispatcher.onHandlerAdded();
    return this;
  }

  /**
   * Adds a handler for the next event alone. One for a message does not keep it from the inbox, and so is lent nothing.
   *
   * @throws TypeError for a name that no event has, a listener that is no function, or an option.
   */
  once<Name extends EventName>(
    name: Name,
    listener: Listener<EventMap<Received>[Name]>,
    options?: { readonly borrowed?: false | undefined },
  ): this {
    checkEventName(name);
    mayBorrow("once", name, options);
    this.#client.emitter.add(name, listener, true);
    return this;
  }

  /**
   * Takes away the handler that was added last of those that are this function, borrowed or not.
   *
   * @throws TypeError for a name that no event has.
   */
  off(name: "rawMessage", listener: Listener<BorrowedMessage>): this;
  off<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this;
  off<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    checkEventName(name);
    if (name === "rawMessage") this.#client.hub.dispatcher.handlers.removeRaw(listener as Listener<unknown>);
    else this.#client.emitter.remove(name, listener);
    return this;
  }

  /**
   * Opens the connection. Resolves once it is open; where it is open already, at once.
   *
   * A failure that nobody handles is an unhandled rejection, unless there is a listener of `error` or `closed`, or a loop or a
   * `recv()` waits. The stack of the error shows the call.
   *
   * @throws HandshakeError for an answer that is no valid 101, TimeoutError past `connectTimeout`, ConnectionError
   *   for a failure on the way there, CloseError where `close()` came first; each with its `report`.
   */
  connect(options?: WaitOptions): Promise<void> {
    options = ownCallOptions(options, waitNames);
    const wrong = findWrongOption(options, waitNames);
    if (wrong !== undefined) return this.#client.refuse(wrong);
    return this.#client.connect(options, new CallSite("connect"));
  }

  /**
   * Connects when idle, and waits for the end of the client. With `reconnect`, the default, it retries from the first attempt on.
   *
   * Resolves when the client ends as `closed`: by {@link close} or {@link terminate}, or, with `reconnect: false`, by a closing
   * handshake with 1000 or 1001. With `reconnect` an end that was not asked for is `failed`, whatever its code.
   *
   * @throws the error of the end as `failed`, with its `report`; `signal.reason` after an abort. A failure that nobody handles ends as that of
   *   {@link connect}.
   */
  run(options?: WaitOptions): Promise<void> {
    options = ownCallOptions(options, waitNames);
    const wrong = findWrongOption(options, waitNames);
    if (wrong !== undefined) return this.#client.refuse(wrong);
    return this.#client.run(options, new CallSite("run"));
  }

  /**
   * Sends a message, by the serializer: by default as JSON unless it is a string or bytes, which are sent as they are.
   *
   * Resolves when the message is accepted, which says nothing of its delivery; above `highWaterMark`, when what waits is
   * below it again. With `timeout` or `signal` a message that still waits to be framed is withdrawn; one that is
   * framed goes out all the same, and only the call ends.
   *
   * While not connected, and with the option `outbox`, it resolves once the outbox has taken the message.
   *
   * @throws InvalidStateError while not connected and without an outbox, BufferOverflowError where that is full, or above `maxBufferedAmount`, TypeError for a value
   *   that has no serialized form.
   */
  send(value: Sent, options?: MessageOptions): Promise<void> {
    options = ownCallOptions(options, sendNames);
    const wrong = findWrongOption(options, sendNames);
    if (wrong !== undefined) return this.#refuse(wrong);
    const { hub, isAccepting } = this.#client;
    if (!isAccepting) return this.#client.hub.sender.refuseNow("send");
    try {
      return hub.sender.send("send", value, serialize(hub.serializer, value), options);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /**
   * Sends a message as it is: a string as text, bytes and Blobs as binary, unless `binary` says otherwise.
   * The bytes are taken at the call: the caller may use them again when it returns.
   *
   * @throws as {@link send}.
   */
  sendRaw(data: RawData, options?: RawMessageOptions): Promise<void> {
    options = ownCallOptions(options, rawNames);
    const wrong = findWrongOption(options, rawNames);
    if (wrong !== undefined) return this.#refuse(wrong);
    const { hub, isAccepting } = this.#client;
    if (!isAccepting) return this.#client.hub.sender.refuseNow("sendRaw");
    try {
      return hub.sender.send("sendRaw", data, rawMessage(data, options), options);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /**
   * Sends without waiting: `"sent"` where the writer took the message, `"queued"` where it waits above the high-water
   * mark or in the outbox, `"dropped"` where it was not taken: not connected and without an outbox, or above `maxBufferedAmount`.
   *
   * @throws TypeError for a value that has no serialized form, or a wrong option.
   */
  trySend(value: Sent, options?: Pick<MessageOptions, "compress">): SendResult {
    options = ownCallOptions(options, ["compress"]);
    const wrong = findWrongOption(options, ["compress"]);
    if (wrong !== undefined) throw wrong;
    const { hub, isAccepting } = this.#client;
    const data = serialize(hub.serializer, value);
    return isAccepting ? hub.sender.trySend(value, data, options) : "dropped";
  }

  /** Resolves when all that was accepted so far is with the kernel. */
  flush(options?: WaitOptions): Promise<void> {
    options = ownCallOptions(options, waitNames);
    const wrong = findWrongOption(options, waitNames);
    if (wrong !== undefined) return rejected(wrong);
    if (this.#client.isOver) return rejected(this.#client.stateError("flush"));
    return this.#client.holdWhile(this.#client.hub.sender.flush(options));
  }

  /**
   * Sends a ping and resolves with the milliseconds until its own pong came.
   *
   * @throws InvalidStateError while not connected, RangeError for a payload of more than 125 bytes.
   */
  ping(options?: PingOptions): Promise<number> {
    options = ownCallOptions(options, pingNames);
    const wrong = findWrongOption(options, pingNames);
    if (wrong !== undefined) return this.#refuse(wrong);
    const live = this.#client.sendable;
    if (live === undefined) return this.#client.hub.sender.refuseNow("ping");
    try {
      return live.ping(controlPayload(options?.payload) ?? this.#client.hub.nextPingPayload(), options);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /** Sends a pong: with `autoPong: false` the answer to a ping, by its payload. */
  pong(payload?: Uint8Array): Promise<void> {
    const live = this.#client.sendable;
    if (live === undefined) return this.#client.hub.sender.refuseNow("pong");
    try {
      live.pong(controlPayload(payload) ?? new Uint8Array(0));
      return Promise.resolve();
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /**
   * Resolves with the next message, or with the first one that `match` accepts: those before it keep their place. A call that
   * times out takes nothing. A `match` that is a type predicate narrows the result.
   *
   * @throws CloseError once the connection was closed and nothing waits, or what broke it; BufferOverflowError where `match` accepts
   *   none of the messages that wait, and reading pauses because they fill the inbox (`overflow: "pause"`): the message could never
   *   come. What `match` throws rejects the call.
   */
  recv<Matched extends Received>(options: NarrowingRecvOptions<Received, Matched>): Promise<Matched>;
  recv(options?: RecvOptions<Received>): Promise<Received>;
  recv(options?: RecvOptions<Received>): Promise<Received> {
    options = ownCallOptions(options, recvNames);
    const wrong = findWrongOption(options, recvNames);
    return wrong === undefined ? this.#client.hub.dispatcher.recv(options) : rejected(wrong);
  }

  /**
   * Iterates over the messages until the client ends. A reconnect does not end the loop. Leaving the loop leaves the connection
   * open, and a later loop starts where it stopped. A second loop at the same time is an InvalidStateError.
   *
   * The loop returns when the client ends as `closed`. It throws the error of the end as `failed`, and `signal.reason` after
   * an abort; messages that wait are given first, but not after an abort.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Received> {
    return this.#client.hub.dispatcher.iterate() ?? this.#busyIterator();
  }

  /**
   * Iterates as `for await` does over the client itself, by arrays: all the messages that one read of the socket has brought, or that
   * wait. No array is empty, and none holds more than `buffer.maxBytes`, one message apart. Where messages
   * come in crowds this spares a promise for each.
   */
  batches(): AsyncIterableIterator<readonly Received[]> {
    return this.#client.hub.dispatcher.iterateBatches() ?? this.#busyIterator();
  }

  #busyIterator(): AsyncIterableIterator<never> {
    const message =
      "Another loop is open on this client: leave it first, for a message goes to one of them alone.";
    const next = (): Promise<never> => rejected(new InvalidStateError(message, this.state));
    const busy: AsyncIterableIterator<never> = { next, [Symbol.asyncIterator]: () => busy };
    return busy;
  }

  /**
   * Closes the connection: behind all that was accepted, by a closing handshake of at most `closeTimeout`. Messages that
   * come before the peer's Close are delivered. Wins over an attempt under way. Resolves when the socket is gone.
   *
   * @param code - 1000-1003, 1007-1014 or 3000-4999.
   * @param reason - At most 123 bytes of UTF-8.
   * @throws RangeError for another code or a longer reason.
   */
  close(code: number = CloseCode.normal, reason: string = "", options?: WaitOptions): Promise<void> {
    options = ownCallOptions(options, waitNames);
    const wrong = findWrongOption(options, waitNames);
    if (wrong !== undefined) return rejected(wrong);
    try {
      return this.#client.close(code, reason, options);
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Comes back at once: dials where an attempt is waited for, and where the connection is open, closes it and dials again.
   * Resolves when a connection is open.
   *
   * @throws InvalidStateError where no connection is wanted: before {@link connect}, while closing, and after the end.
   */
  reconnect(options?: WaitOptions): Promise<void> {
    options = ownCallOptions(options, waitNames);
    const wrong = findWrongOption(options, waitNames);
    return wrong === undefined ? this.#client.reconnect(options) : rejected(wrong);
  }

  /**
   * Replaces the open connection by a new one, in the way of the option `rotation.mode`. Resolves when the new one has taken
   * its place and the old one has ended; where the new one cannot be opened, the old one stays.
   *
   * @param reason - Goes into our Close of the old connection; at most 123 bytes of UTF-8.
   * @throws InvalidStateError while not connected, RangeError for a longer reason, or what the attempt has failed with.
   */
  rotate(reason: string = "", options?: WaitOptions): Promise<void> {
    options = ownCallOptions(options, waitNames);
    const wrong = findWrongOption(options, waitNames);
    if (wrong !== undefined) return rejected(wrong);
    try {
      return this.#client.rotate(this.#client.options.rotation.mode, reason, options);
    } catch (error) {
      return rejected(error);
    }
  }

  /** Drops the connection at once, without a closing handshake; readers end, and what waits is dropped. */
  terminate(): void {
    this.#client.terminate();
  }

  /** A frozen snapshot of what was sent and received so far. */
  stats(): Stats {
    return this.#client.stats();
  }

  /**
   * Where each stream stands, before what waits to be read: give it as `replay.cursors` at a later start.
   * Empty without the option `replay`.
   */
  cursors(): Cursors {
    return this.#client.hub.inbound.cursors;
  }

  /** Lets the process live while the connection is open: the default. */
  ref(): this {
    this.#client.setReferenced(true);
    return this;
  }

  /** Lets the process end although the connection is open. */
  unref(): this {
    this.#client.setReferenced(false);
    return this;
  }

  /** Closes the connection with 1000, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // The rest of the interface of an EventEmitter: `once` and `on` of `node:events` call some of these methods, and their types want all.

  /** As {@link on}. */
  addListener<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    return this.on(name, listener);
  }

  /** As {@link off}. */
  removeListener<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    this.off(name, listener);
    return this;
  }

  /** Removes all handlers of one event, or of every event. */
  removeAllListeners(name?: EventName): this {
    this.#client.emitter.clear(name);
    return this;
  }

  /** How many handlers an event has. @param listener - Counts only those that are this function. */
  listenerCount(name: EventName, listener?: Listener<never>): number {
    const all = this.listeners(name);
    return listener === undefined ? all.length : all.filter((one) => one === listener).length;
  }

  /** The handlers of an event. */
  listeners(name: EventName): Listener<never>[] {
    return this.#client.emitter.listeners(name);
  }

  /** As {@link listeners}: there are no wrappers. */
  rawListeners(name: EventName): Listener<never>[] {
    return this.listeners(name);
  }

  /** The names of the events that have handlers. */
  eventNames(): EventName[] {
    return this.#client.emitter.names;
  }

  /** 0, which is no limit to `node:events`. */
  getMaxListeners(): number {
    return 0;
  }

  /** Changes nothing: there is no limit. */
  setMaxListeners(_count: number): this {
    return this;
  }

  /** Not supported: handlers are called in the order in which they were added. @throws TypeError */
  prependListener(_name: EventName, _listener: Listener<never>): never {
    throw new TypeError("A client calls its handlers in the order in which they were added: use on().");
  }

  /** As {@link prependListener}. @throws TypeError */
  prependOnceListener(_name: EventName, _listener: Listener<never>): never {
    throw new TypeError("A client calls its handlers in the order in which they were added: use once().");
  }

  /** Not supported. @throws TypeError */
  emit(_name: EventName, ..._values: unknown[]): never {
    throw new TypeError("Only the client itself emits its events.");
  }

  /** A call that failed is told by an event too, for nobody may await its promise. */
  #refuse(error: unknown): Promise<never> {
    return this.#client.hub.sender.refuse(error, () => error);
  }
}
