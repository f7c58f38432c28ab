/**
 * The class `ReconnectingWebSocket`: the interface of `WebSocket` over a client that reconnects. It converts arguments.
 * The connections are in `reconnecting-connection.ts`.
 */
import { toCloseArguments } from "./close-arguments.js";
import { EventHandlers } from "./event-handlers.js";
import { linkToGlobalEvents } from "./events.js";
import { type BinaryType, type StandardBinaryType, toBinaryType, toSentData } from "./message-data.js";
import { checkProtocols, toProtocolList } from "./protocols.js";
import { ReconnectingConnection } from "./reconnecting-connection.js";
import { readReconnectingOptions, type ReconnectingWebSocketOptions } from "./reconnecting-options.js";
import { toUrlRecord } from "./url-record.js";
import { type ReadyState, requireArgument, toHandler, toUsvString } from "./web-idl.js";
import type { CurrentHandler, SocketEventMap, SocketHandler } from "./websocket.js";

/** A value, or a function that is called before each attempt and returns the value. */
export type Dynamic<Value> = Value | (() => Value | Promise<Value>);

/** The subprotocols to offer: one, a list, or none. */
export type Protocols = string | Iterable<string> | null | undefined;

type Listening = Parameters<EventTarget["addEventListener"]>;

/** Calls the function of a {@link Dynamic} value. */
function valueOf(dynamic: unknown): unknown {
  return typeof dynamic === "function" ? (dynamic as () => unknown)() : dynamic;
}

function recordOf(url: unknown): URL {
  return toUrlRecord(toUsvString(url));
}

function protocolsOf(value: unknown): readonly string[] {
  const protocols = toProtocolList(value ?? undefined);
  checkProtocols(protocols);
  return protocols;
}

/**
 * A `WebSocket` that connects again after each lost connection, until {@link close} is called. `open` is fired for each
 * connection, and `close` at the end of each connection and of each failed attempt. `error` precedes `close` after a
 * failure. Messages that are sent without a connection wait in the outbox of this package.
 */
export class ReconnectingWebSocket extends EventTarget {
  /** The value of `readyState` during an attempt. */
  static readonly CONNECTING = 0;
  /** The value of `readyState` while a connection is open. */
  static readonly OPEN = 1;
  /** The value of `readyState` during a closing handshake. */
  static readonly CLOSING = 2;
  /** The value of `readyState` between two attempts, and after the end. */
  static readonly CLOSED = 3;

  readonly #connection: ReconnectingConnection;
  readonly #handlers: EventHandlers = new EventHandlers(this);

  /**
   * Starts the first attempt, unless the option `startClosed` is `true`.
   *
   * @param url - A URL as for `WebSocket`, or a function that returns it, or a promise for it, for each attempt.
   * @param protocols - The subprotocols to offer, or a function that returns them. `null` means none.
   * @throws a DOMException with the name `SyntaxError` for an invalid URL or subprotocol; TypeError or RangeError for an
   *   invalid option. What a function returns is checked in the attempt, which fails.
   */
  constructor(
    url: Dynamic<string | URL>,
    protocols?: Dynamic<Protocols>,
    options?: ReconnectingWebSocketOptions,
  ) {
    requireArgument(arguments, "new ReconnectingWebSocket()");
    super();
    if (typeof url !== "function") recordOf(url);
    const offersNone = typeof protocols !== "function" && protocolsOf(protocols).length === 0;
    const source = {
      url: async () => recordOf(await valueOf(url)),
      protocols: offersNone ? undefined : async () => protocolsOf(await valueOf(protocols)),
    };
    linkToGlobalEvents();
    this.#connection = new ReconnectingConnection(source, readReconnectingOptions(options), (event) =>
      super.dispatchEvent(event),
    );
  }

  get CONNECTING(): 0 {
    return 0;
  }

  get OPEN(): 1 {
    return 1;
  }

  get CLOSING(): 2 {
    return 2;
  }

  get CLOSED(): 3 {
    return 3;
  }

  get [Symbol.toStringTag](): string {
    return "ReconnectingWebSocket";
  }

  /** The URL of the current or last attempt, with its credentials; empty before the first attempt. */
  get url(): string {
    return this.#connection.url;
  }

  /** The state of the current connection: `CONNECTING`, `OPEN`, `CLOSING` or `CLOSED`. */
  get readyState(): ReadyState {
    return this.#connection.readyState;
  }

  /**
   * The number of consecutive attempts that followed the first one. During a wait, the next attempt counts too. It
   * becomes 0 when a connection has been open for `backoff.resetAfter`, and with {@link reconnect}.
   */
  get retryCount(): number {
    return this.#connection.retryCount;
  }

  /** `false` after {@link close}, and when no attempt follows because of `maxRetries` or `shouldReconnect`. */
  get shouldReconnect(): boolean {
    return this.#connection.isReconnecting;
  }

  /** The bytes of messages that were passed to {@link send} and not yet to the network. */
  get bufferedAmount(): number {
    return this.#connection.bufferedAmount;
  }

  /** The extension of the last connection with its parameters; empty if there is none. */
  get extensions(): string {
    return this.#connection.extensions;
  }

  /** The subprotocol that the server selected for the last connection; empty if there is none. */
  get protocol(): string {
    return this.#connection.protocol;
  }

  /** The type of the data of binary messages. Other values are ignored. Default `"blob"`. */
  get binaryType(): StandardBinaryType {
    return this.#connection.binaryType as StandardBinaryType;
  }

  set binaryType(value: BinaryType) {
    const connection = this.#connection;
    connection.binaryType = toBinaryType(value) ?? connection.binaryType;
  }

  /** Called when a connection is open. */
  get onopen(): CurrentHandler {
    return this.#handlers.get("open") as CurrentHandler;
  }

  set onopen(handler: SocketHandler<ReconnectingWebSocket, "open">) {
    this.#handlers.set("open", toHandler(handler));
  }

  /** Called for each message. */
  get onmessage(): CurrentHandler {
    return this.#handlers.get("message") as CurrentHandler;
  }

  set onmessage(handler: SocketHandler<ReconnectingWebSocket, "message">) {
    this.#handlers.set("message", toHandler(handler));
  }

  /** Called before `onclose` if a connection or an attempt has failed, and for a message that was dropped. */
  get onerror(): CurrentHandler {
    return this.#handlers.get("error") as CurrentHandler;
  }

  set onerror(handler: SocketHandler<ReconnectingWebSocket, "error">) {
    this.#handlers.set("error", toHandler(handler));
  }

  /** Called at the end of each connection and of each failed attempt. */
  get onclose(): CurrentHandler {
    return this.#handlers.get("close") as CurrentHandler;
  }

  set onclose(handler: SocketHandler<ReconnectingWebSocket, "close">) {
    this.#handlers.set("close", toHandler(handler));
  }

  /**
   * Sends a message, or adds it to the outbox while there is no connection. The conversions are those of
   * `WebSocket.send()`. If the outbox is full, the message is dropped, and `error` is fired.
   *
   * @throws TypeError for bytes in shared memory or in a resizable buffer.
   */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void {
    const connection = this.#connection;
    requireArgument(arguments, "send()");
    connection.send(toSentData(data));
  }

  /**
   * Closes the connection or ends the attempt, and does not connect again. Messages that wait in the outbox, or are sent
   * later, wait for a call of {@link reconnect}.
   *
   * @throws a DOMException, as `WebSocket.close()` does.
   */
  close(code: number = 1000, reason?: string): void {
    this.#connection.close(toCloseArguments(code, reason));
  }

  /**
   * Connects now, also after {@link close}, and resets {@link retryCount}. An open connection is closed with `code` and
   * `reason`, and `close` is fired at once. Waiting messages are sent on the new connection.
   *
   * @throws a DOMException, as `WebSocket.close()` does.
   */
  reconnect(code: number = 1000, reason?: string): void {
    this.#connection.reconnect(toCloseArguments(code, reason));
  }

  override addEventListener<Type extends keyof SocketEventMap>(
    type: Type,
    listener: ((this: ReconnectingWebSocket, event: SocketEventMap[Type]) => unknown) | null,
    options?: Listening[2],
  ): void;
  override addEventListener(...given: Listening): void;
  override addEventListener(...given: unknown[]): void {
    super.addEventListener(...(given as unknown as Listening));
  }

  override removeEventListener<Type extends keyof SocketEventMap>(
    type: Type,
    listener: ((this: ReconnectingWebSocket, event: SocketEventMap[Type]) => unknown) | null,
    options?: Listening[2],
  ): void;
  override removeEventListener(...given: Parameters<EventTarget["removeEventListener"]>): void;
  override removeEventListener(...given: unknown[]): void {
    super.removeEventListener(...(given as unknown as Listening));
  }
}
