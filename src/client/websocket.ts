/**
 * Defines the public class of the package. It checks the arguments of each call, and knows the types of the messages.
 * It has no state: `Client` implements the operations.
 */
import { CloseCode, InvalidStateError, ownOptions } from "../../protocol/index.js";
import type { CloseReport } from "../events/close-report.js";
import type { BorrowedMessage, EventMap, EventName, Listener, State } from "../events/event-map.js";
import { checkEventName, refuseHandlerProperties } from "../events/event-names.js";
import {
  pingNames,
  rawNames,
  readCallOptions,
  recvNames,
  sendNames,
  waitNames,
} from "../options/call-options.js";
import type {
  ClientOptions,
  Cursors,
  MessageOptions,
  NarrowingRecvOptions,
  PingOptions,
  Provided,
  RawData,
  RawMessageOptions,
  RecvOptions,
  Url,
  WebSocketOptions,
} from "../options/options.js";
import { refuseMoreArguments, resolveOptions } from "../options/resolve-options.js";
import type { Runtime } from "../runtime/runtime.js";
import { rejected, type WaitOptions } from "../runtime/wait.js";
import type { Stats } from "../stats/statistics.js";
import { CallSite } from "./lifecycle/call-site.js";
import { Client } from "./client.js";
import { type ListenerOptions, isBorrowed } from "./receiving/listener-options.js";
import { controlPayload, rawMessage, serialize } from "./sending/serialize.js";
import { nodeRuntime } from "./runtime.js";
import type { SendResult } from "./sending/sender.js";

/** A registered symbol, so that all loaded copies of the package share it. */
const instanceMark = Symbol.for("jetsocket.WebSocket");

const trySendNames = ["compress"];

const closeOptionsHint = 'The options of close() are the third argument: close(1000, "", { timeout }).';
const rotateOptionsHint = 'The options of rotate() are the second argument: rotate("", { timeout }).';

/**
 * A WebSocket client (RFC 6455, RFC 7692).
 *
 * Read messages with `for await`, with {@link recv}, or with a `message` listener. No message is lost when a program
 * changes from one of these ways to another.
 *
 * A method that returns a promise rejects if the client is in the wrong state or an option is invalid; it does not
 * throw. A rejection of a call such as `send()` never becomes an unhandled rejection. The exceptions are `connect()`
 * and `run()`. Their rejection becomes an unhandled rejection if nothing receives the error: the promise has no
 * handler, neither `error` nor `closed` has a listener, and no loop or `recv()` waits for a message.
 *
 * @typeParam Received - The type of received messages: what the deserializer returns.
 * @typeParam Sent - The type of sent messages: what the serializer accepts.
 */
export class WebSocket<Received = unknown, Sent = unknown>
  implements AsyncIterable<Received>, AsyncDisposable
{
  /**
   * Recognizes instances by a shared symbol instead of the prototype chain, because a process may load both the ES
   * module and the CommonJS copy of the package. Subclasses use the default check.
   */
  static [Symbol.hasInstance](value: unknown): boolean {
    // Checks `this` instead of the class name, because the bundler renames the class.
    if (!Object.hasOwn(this, instanceMark)) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && instanceMark in value;
  }

  static {
    for (const marked of [this, this.prototype])
      Object.defineProperty(marked, instanceMark, ownOptions({ value: true }));
    refuseHandlerProperties(this.prototype);
  }

  readonly #client: Client;

  /**
   * Creates a client in the state `idle`. Call {@link connect} or {@link run} to open the connection.
   *
   * @param url - A `ws:` or `wss:` URL, or a function that is called before each attempt and returns the URL. A user
   *   name and password in the URL are sent as Basic authorization.
   * @throws TypeError or RangeError for an invalid URL or option. The message names the option and its value.
   */
  constructor(url: Provided<Url>, options?: ClientOptions<Received, Sent>);
  constructor(
    url: Provided<Url>,
    options: ClientOptions<Received, Sent> = {},
    ...others: readonly unknown[]
  ) {
    refuseMoreArguments(others);
    const resolved = resolveOptions(options as WebSocketOptions<Received, Sent>, nodeRuntime);
    this.#client = new Client(this, { url, options: resolved }, resolved);
  }

  /**
   * Stops the delivery of messages, or continues it at the end of the tick. Only the classes of the other entry points
   * call it, because they emit messages later than the client.
   *
   * @internal
   */
  pauseMessages(isPaused: boolean): void {
    this.#client.pauseMessages(isPaused);
  }

  /** The current state of the client. */
  get state(): State {
    return this.#client.state;
  }

  /** The URL without credentials. Empty before the first attempt if the constructor received a function. */
  get url(): string {
    return this.#client.supervisor.url;
  }

  /** The subprotocol that the server selected. Empty if it selected none. */
  get subprotocol(): string {
    return this.#client.supervisor.accepted?.subprotocol ?? "";
  }

  /** The negotiated extension, such as `permessage-deflate`, with its parameters. Empty if there is none. */
  get extensions(): string {
    return this.#client.supervisor.accepted?.extensions ?? "";
  }

  /** The number of bytes, including frame headers, that were accepted for sending and not yet passed to the kernel. */
  get bufferedAmount(): number {
    return this.#client.live?.bufferedAmount ?? 0;
  }

  /**
   * The clock, timers, randomness and network of this client: the option `runtime`. A module that is built on the client
   * uses this runtime, so that its timers run in the same time as those of the client.
   */
  get runtime(): Runtime {
    return this.#client.options.runtime;
  }

  /**
   * The milliseconds that `onConnection` may take; `undefined` if the client has no `onConnection`. A module that needs
   * the hook can check with this property that the client has one.
   */
  get setupTimeout(): number | undefined {
    const { onConnection, setupTimeout } = this.#client.options;
    return onConnection === undefined ? undefined : setupTimeout;
  }

  /** The report about the end of the last connection or attempt. `undefined` before the first end. */
  get lastReport(): CloseReport | undefined {
    return this.#client.supervisor.lastReport;
  }

  /**
   * Adds a `rawMessage` listener that receives a view of the receive buffer for each message, both text and binary. The
   * client neither copies the bytes nor decodes text. Text is still validated: a message that is not UTF-8 fails the
   * connection (RFC 6455 8.1) and is not emitted.
   *
   * `data` is valid until the listener returns. In an async listener, `data` is valid until the first `await`.
   * Afterwards the client reuses the memory. Copy the bytes with `Buffer.from(data)`, or read text with
   * `data.toString()`. If a listener writes to `data`, listeners that are called later receive the changed message.
   * Other messages do not change.
   *
   * Like any `rawMessage` listener, this listener does not cause messages to be added to the inbox. Messages are added
   * only if a loop or a `recv()` also reads messages.
   *
   * If a message has another consumer, the listener receives a view of copied or encoded bytes instead of the receive
   * buffer. Other consumers are other message listeners, loops, `recv()`, `replay`, `isPong` and `acknowledges`.
   * Messages that are already in the inbox are also copies. They are emitted before newer messages.
   *
   * `rawMessage` listeners without this option are called first, then `rawMessage` listeners with this option, then
   * `message` listeners.
   *
   * @throws TypeError if the event is not `rawMessage`, or an option is unknown.
   */
  on(
    name: "rawMessage",
    listener: Listener<BorrowedMessage>,
    options: ListenerOptions & { readonly borrowed: true },
  ): this;
  /**
   * Adds a listener for an event. A `message` or `rawMessage` listener first receives the messages that are already in
   * the inbox, then newer messages.
   *
   * @throws TypeError if the event does not exist, the listener is not a function, or an option is unknown.
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
    if (isBorrowed("on", name, options))
      hub.dispatcher.listeners.addBorrowed(listener as Listener<BorrowedMessage>);
    else emitter.add(name, listener as Listener<unknown>, false);
    if (name === "message" || name === "rawMessage") hub.dispatcher.onListenerAdded();
    return this;
  }

  /**
   * Adds a listener that is called only for the next event. A message that the listener receives is also added to the
   * inbox, so the listener cannot have the option `borrowed`.
   *
   * @throws TypeError if the event does not exist, the listener is not a function, an option is unknown, or `borrowed`
   *   is `true`.
   */
  once<Name extends EventName>(
    name: Name,
    listener: Listener<EventMap<Received>[Name]>,
    options?: { readonly borrowed?: false | undefined },
  ): this {
    checkEventName(name);
    // Throws if `borrowed` is `true`.
    isBorrowed("once", name, options);
    this.#client.emitter.add(name, listener as Listener<unknown>, true);
    return this;
  }

  /**
   * Removes a listener. If the same function was added several times, with or without `borrowed`, the last addition is
   * removed. Does nothing if the function is not a listener of the event.
   *
   * @throws TypeError if the event does not exist.
   */
  off(name: "rawMessage", listener: Listener<BorrowedMessage>): this;
  off<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this;
  off<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    checkEventName(name);
    if (name === "rawMessage") this.#client.hub.dispatcher.listeners.removeRaw(listener as Listener<unknown>);
    else this.#client.emitter.remove(name, listener as Listener<unknown>);
    return this;
  }

  /**
   * Opens the connection. Resolves when the connection is open, or immediately if it is already open.
   *
   * If the promise rejects and has no handler, the process gets an unhandled rejection. There is no unhandled rejection
   * if `error` or `closed` has a listener, or if a loop or a `recv()` waits for a message. The stack of the error
   * includes this call.
   *
   * @throws HandshakeError if the response is not a valid 101 response; TimeoutError after `connectTimeout`;
   *   ConnectionError if the network connection fails; CloseError if `close()` is called first. Each of these errors
   *   has a `report`.
   */
  connect(options?: WaitOptions): Promise<void> {
    try {
      options = readCallOptions(options, waitNames);
    } catch (error) {
      return this.#client.refuse(error);
    }
    return this.#client.connect(options, new CallSite("connect"));
  }

  /**
   * Connects if the client is `idle` or `failed`, and waits until the client ends. With `reconnect: true` (the default)
   * it also retries when the first attempt fails.
   *
   * Resolves when the client becomes `closed`. The client becomes `closed` after {@link close} or {@link terminate}.
   * With `reconnect: false`, the client also becomes `closed` after a closing handshake with code 1000 or 1001. With
   * `reconnect: true`, the client becomes `failed` if it stops reconnecting and this program has not requested the end.
   *
   * @throws the error that made the client `failed`; `signal.reason` after an abort. The property `report` of the error
   *   describes the end of the client. A rejection without a handler is treated as in {@link connect}.
   */
  run(options?: WaitOptions): Promise<void> {
    try {
      options = readCallOptions(options, waitNames);
    } catch (error) {
      return this.#client.refuse(error);
    }
    return this.#client.run(options, new CallSite("run"));
  }

  /**
   * Serializes and sends a message. The default serializer sends strings and bytes unchanged and any other value as
   * JSON.
   *
   * Resolves when the message is accepted for sending; this does not mean that the peer received it. While more than
   * `highWaterMark` bytes are buffered, the call waits until the amount is below that mark. If `timeout` or `signal`
   * ends the call, a message that is not framed yet is withdrawn; a message that is already framed is still sent.
   *
   * With the option `outbox`, a call without a connection resolves when the outbox accepts the message.
   *
   * @throws InvalidStateError if the client is not connected and has no outbox; BufferOverflowError if the outbox is
   *   full or the message would exceed `maxBufferedAmount`; TypeError if the value cannot be serialized.
   */
  send(value: Sent, options?: MessageOptions): Promise<void> {
    try {
      options = readCallOptions(options, sendNames);
      const { hub, isAccepting } = this.#client;
      if (!isAccepting) return hub.sender.refuseForState("send");
      return hub.sender.send("send", value, serialize(hub.serializer, value), options);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /**
   * Sends a message without the serializer: a string as a text message, bytes and Blobs as a binary message. The option
   * `binary` overrides this. Bytes are read during the call, so the caller may reuse their memory when `sendRaw()`
   * returns.
   *
   * @throws the same errors as {@link send}; also TypeError if `binary` is `false` and the bytes are not valid UTF-8.
   */
  sendRaw(data: RawData, options?: RawMessageOptions): Promise<void> {
    try {
      options = readCallOptions(options, rawNames);
      const { hub, isAccepting } = this.#client;
      if (!isAccepting) return hub.sender.refuseForState("sendRaw");
      return hub.sender.send("sendRaw", data, rawMessage(data, options), options);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /**
   * Sends a message without waiting and without a promise.
   *
   * @returns `"sent"` if the message was framed. `"queued"` if the message waits in the outbox, or waits because
   *   `highWaterMark` bytes are buffered. `"dropped"` if the message was not accepted: the client has neither a
   *   connection nor an outbox, the outbox is full, or the message would exceed `maxBufferedAmount`.
   * @throws TypeError if the value cannot be serialized, or an option is invalid.
   */
  trySend(value: Sent, options?: Pick<MessageOptions, "compress">): SendResult {
    options = readCallOptions(options, trySendNames);
    const { hub, isAccepting } = this.#client;
    const data = this.#serialize(value);
    return isAccepting ? hub.sender.trySend(value, data, options) : "dropped";
  }

  /**
   * Resolves when all messages that were accepted so far have been passed to the kernel. With an outbox this may happen
   * on a later connection.
   *
   * @throws InvalidStateError if the client has neither a connection nor an outbox, or has ended.
   */
  flush(options?: WaitOptions): Promise<void> {
    return rejectIfThrows(() => {
      const given = readCallOptions(options, waitNames);
      if (this.#client.isOver) throw this.#client.stateError("flush");
      return this.#client.keepAliveWhile(this.#client.hub.sender.flush(given));
    });
  }

  /**
   * Sends a ping. Resolves with the round-trip time in milliseconds when the matching pong arrives.
   *
   * @throws InvalidStateError if the client is not connected; RangeError if the payload is longer than 125 bytes;
   *   TypeError if it is not bytes.
   */
  ping(options?: PingOptions): Promise<number> {
    try {
      options = readCallOptions(options, pingNames);
      const live = this.#client.sendable;
      if (live === undefined) return this.#client.hub.sender.refuseForState("ping");
      return live.ping(controlPayload(options?.payload) ?? this.#client.hub.nextPingPayload(), options);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /**
   * Sends a pong. With `autoPong: false`, use this method to answer a ping: pass the payload of the ping.
   *
   * @throws InvalidStateError if the client is not connected; RangeError if the payload is longer than 125 bytes;
   *   TypeError if it is not bytes.
   */
  pong(payload?: Uint8Array): Promise<void> {
    const live = this.#client.sendable;
    if (live === undefined) return this.#client.hub.sender.refuseForState("pong");
    try {
      live.pong(controlPayload(payload) ?? new Uint8Array(0));
      return Promise.resolve();
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /**
   * Resolves with the next message. With `match`, resolves with the first message for which `match` returns `true`;
   * other messages stay in the inbox, in their order. If `match` is a type predicate, it narrows the type of the
   * result. A call that times out or is aborted does not consume a message.
   *
   * @throws CloseError if the connection was closed and the inbox is empty, or the error that ended the connection.
   *   BufferOverflowError if reading is paused because the inbox is full and `match` accepts none of its messages: no
   *   further message can arrive. If `match` throws, the call rejects with that error.
   */
  recv<Matched extends Received>(options: NarrowingRecvOptions<Received, Matched>): Promise<Matched>;
  recv(options?: RecvOptions<Received>): Promise<Received>;
  recv(options?: RecvOptions<Received>): Promise<Received> {
    try {
      const given = readCallOptions(options as RecvOptions<unknown> | undefined, recvNames);
      return this.#client.hub.dispatcher.recv(given) as Promise<Received>;
    } catch (error) {
      return rejected(error);
    }
  }

  /**
   * Iterates over the received messages until the client ends. A reconnect does not end the loop. Leaving the loop does
   * not close the connection; a later loop continues with the next message. Only one loop can be open at a time:
   * `next()` of a second loop rejects with an InvalidStateError.
   *
   * The loop ends normally when the client becomes `closed`. It throws the error that made the client `failed`, or
   * `signal.reason` after an abort. Messages in the inbox are delivered before the end, except after an abort or after
   * {@link terminate}.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Received> {
    const { dispatcher } = this.#client.hub;
    return (dispatcher.iterate() as AsyncIterableIterator<Received> | undefined) ?? this.#busyIterator();
  }

  /**
   * Iterates over arrays of messages. An array contains all messages in the inbox, or all messages of one read from the
   * socket. An array is never empty. It contains at most `buffer.maxBytes` bytes plus one message.
   * At high message rates arrays are faster, because each array needs one promise instead of one promise per message.
   */
  batches(): AsyncIterableIterator<readonly Received[]> {
    const { dispatcher } = this.#client.hub;
    const batches = dispatcher.iterateBatches() as AsyncIterableIterator<readonly Received[]> | undefined;
    return batches ?? this.#busyIterator();
  }

  #busyIterator(): AsyncIterableIterator<never> {
    const message =
      "Another loop is open on this client. Leave it first: only one loop can receive a message.";
    const next = (): Promise<never> => rejected(new InvalidStateError(message, this.state));
    const busy: AsyncIterableIterator<never> = { next, [Symbol.asyncIterator]: () => busy };
    return busy;
  }

  /**
   * Ends the client with a closing handshake. The Close frame is sent after all messages that were accepted. Messages
   * that arrive before the peer's Close frame are delivered. The handshake fails if there is no progress for
   * `closeTimeout` milliseconds. An attempt that is in progress is cancelled. Resolves when the socket is closed.
   *
   * @param code - 1000-1003, 1007-1014 or 3000-4999, or `null` for a Close frame without a code. Default 1000.
   * @param reason - At most 123 bytes of UTF-8. It must be empty if `code` is `null`. Default: empty.
   * @throws RangeError if the code is not allowed or the reason is too long; TypeError if `code` or `reason` is an
   *   object, because the options must be the third argument.
   */
  close(code: number | null = CloseCode.normal, reason: string = "", options?: WaitOptions): Promise<void> {
    return rejectIfThrows(() => {
      for (const value of [code, reason]) refuseOptions(value, closeOptionsHint);
      return this.#client.close(code, reason, readCallOptions(options, waitNames));
    });
  }

  /**
   * Reconnects immediately. If the client waits before the next attempt, the attempt starts now. An open
   * connection is closed, and a new connection is opened. Resolves when a connection is open.
   *
   * @throws InvalidStateError before {@link connect}, while the client closes, and after it has ended.
   */
  reconnect(options?: WaitOptions): Promise<void> {
    return rejectIfThrows(() => this.#client.reconnect(readCallOptions(options, waitNames)));
  }

  /**
   * Replaces the open connection with a new one, as the option `rotation.mode` specifies. Resolves when the new
   * connection is in use and the old one has ended. In the mode `overlap`, the old connection stays in use if the new
   * connection cannot be opened.
   *
   * @param reason - The reason in the Close frame of the old connection; at most 123 bytes of UTF-8. Default: empty.
   * @throws InvalidStateError if the client is not connected; RangeError if the reason is too long; TypeError if
   *   `reason` is an object, because the options must be the second argument; otherwise the error of the attempt that
   *   failed.
   */
  rotate(reason: string = "", options?: WaitOptions): Promise<void> {
    return rejectIfThrows(() => {
      refuseOptions(reason, rotateOptionsHint);
      const { mode } = this.#client.options.rotation;
      return this.#client.rotate(mode, reason, readCallOptions(options, waitNames));
    });
  }

  /**
   * Ends the client immediately, without a closing handshake. The socket is destroyed, and pending `recv()` calls and
   * loops end. Messages that are not sent or not read yet are dropped.
   */
  terminate(): void {
    this.#client.terminate();
  }

  /** Returns a frozen snapshot of the counters and timings of this client. */
  stats(): Stats {
    return this.#client.stats();
  }

  /**
   * Returns the position of each numbered stream. Messages that are still in the inbox do not count as read. Pass the
   * result as `replay.cursors` to a later client, which then continues at these positions. The result is empty without
   * the option `replay`.
   */
  cursors(): Cursors {
    return this.#client.hub.inbound.cursors;
  }

  /** Keeps the process running while the connection is open. This is the default. */
  ref(): this {
    this.#client.supervisor.setReferenced(true);
    return this;
  }

  /**
   * Allows the process to exit while the connection is open. The `timeout` of a pending call, such as
   * `recv({ timeout })`, still keeps the process running until the call ends.
   */
  unref(): this {
    this.#client.supervisor.setReferenced(false);
    return this;
  }

  /** Calls {@link close} with code 1000 at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // The rest of the EventEmitter interface. The functions `once` and `on` of `node:events` call some of the following
  // methods. The types of these functions require all methods.

  /** The same as {@link on}, without options. */
  addListener<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    return this.on(name, listener);
  }

  /** The same as {@link off}. */
  removeListener<Name extends EventName>(name: Name, listener: Listener<EventMap<Received>[Name]>): this {
    this.off(name, listener);
    return this;
  }

  /** Removes all listeners of one event, or of all events if no name is given. */
  removeAllListeners(name?: EventName): this {
    this.#client.emitter.clear(name);
    return this;
  }

  /** Returns the number of listeners of an event. @param listener - If given, counts only this function. */
  listenerCount(name: EventName, listener?: Listener<never>): number {
    const all = this.listeners(name);
    return listener === undefined ? all.length : all.filter((one) => one === listener).length;
  }

  /** Returns the listeners of an event, in the order in which they were added. */
  listeners(name: EventName): Listener<never>[] {
    return this.#client.emitter.listeners(name);
  }

  /** The same as {@link listeners}, because this class does not wrap listeners. */
  rawListeners(name: EventName): Listener<never>[] {
    return this.listeners(name);
  }

  /** Returns the names of the events that have listeners. */
  eventNames(): EventName[] {
    return this.#client.emitter.names;
  }

  /** Returns 0, which means "no limit" in `node:events`. */
  getMaxListeners(): number {
    return 0;
  }

  /** Has no effect, because the number of listeners is not limited. */
  setMaxListeners(_count: number): this {
    return this;
  }

  /**
   * Always throws, because no listener can be added before other listeners. Listeners are called in the order in which
   * they were added.
   *
   * @throws TypeError
   */
  prependListener(_name: EventName, _listener: Listener<never>): never {
    throw unsupported("prependListener", `${inOrder}; use on()`);
  }

  /** Always throws, for the same reason as {@link prependListener}. @throws TypeError */
  prependOnceListener(_name: EventName, _listener: Listener<never>): never {
    throw unsupported("prependOnceListener", `${inOrder}; use once()`);
  }

  /** Not supported: only the client emits its events. @throws TypeError */
  emit(_name: EventName, ..._values: unknown[]): never {
    throw unsupported("emit", "only the client emits its events");
  }

  /** @throws the error of the serializer, in which secrets are hidden. */
  #serialize(value: Sent): string | Uint8Array {
    try {
      return serialize(this.#client.hub.serializer, value);
    } catch (error) {
      throw this.#client.redacted(error);
    }
  }

  /** Returns a rejected promise. Also emits `error`, because the caller may ignore the promise. */
  #refuse(error: unknown): Promise<never> {
    return this.#client.hub.sender.refuse(error, () => this.#client.redacted(error));
  }
}

const inOrder = "listeners are called in the order in which they were added";

function unsupported(name: string, reason: string): TypeError {
  return new TypeError(`${name}() is not supported: ${reason}.`);
}

/**
 * @throws TypeError if `value` is an object. The caller has probably passed the options instead of a code or reason.
 */
function refuseOptions(value: unknown, message: string): void {
  if (typeof value === "object" && value !== null) throw new TypeError(message);
}

function rejectIfThrows<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return call();
  } catch (error) {
    return rejected(error);
  }
}
