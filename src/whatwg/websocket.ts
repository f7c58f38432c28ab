/**
 * The class `WebSocket` of https://websockets.spec.whatwg.org: the conversions of the arguments, the attributes, and the
 * rules of garbage collection. The connection is in `socket-connection.ts`.
 */
import { optionsOfOneConnection, type WebSocketOptions } from "./client-options.js";
import { toCloseArguments } from "./close-arguments.js";
import { EventHandlers } from "./event-handlers.js";
import { type CloseEvent, linkToGlobalEvents, type MessageEvent } from "./events.js";
import { type BinaryType, type StandardBinaryType, toBinaryType, toSentData } from "./message-data.js";
import { checkProtocols, toProtocolList } from "./protocols.js";
import { SocketConnection } from "./socket-connection.js";
import { SocketReference } from "./socket-reference.js";
import { toUrlRecord } from "./url-record.js";
import {
  exposeInterface,
  type ReadyState,
  requireArgument,
  states,
  toHandler,
  toUsvString,
} from "./web-idl.js";

/** The events of a socket, by name. */
export interface SocketEventMap {
  open: Event;
  message: MessageEvent;
  error: Event;
  close: CloseEvent;
}

/** The value of an event handler attribute. */
export type SocketHandler<Socket, Type extends keyof SocketEventMap> =
  ((this: Socket, event: SocketEventMap[Type]) => unknown) | null;

/**
 * The type of an event handler attribute that is read. It is wider than {@link SocketHandler}, so that a socket can be
 * assigned to a variable of the type `globalThis.WebSocket`.
 */
export type CurrentHandler = ((event: Event) => unknown) | null;

type Listening = Parameters<EventTarget["addEventListener"]>;

const collected = new FinalizationRegistry<SocketConnection>((connection) => connection.abandon());

/**
 * A `WebSocket` as in browsers, with a third argument for the options of this package. It has one connection.
 *
 * Differences to browsers: the field `Origin` and the base of relative URLs come from `globalThis.location`. Only a
 * program with a `location` has cookies, and connects to a host with one socket after another. `binaryType` may be
 * `"nodebuffer"`. The event `error` has the members `error` and `message`. A listener that throws causes an
 * `uncaughtException`, as with each `EventTarget` of Node.
 */
export class WebSocket extends EventTarget {
  /** The value of `readyState` until the connection is open. */
  declare static readonly CONNECTING: 0;
  /** The value of `readyState` while messages can be sent. */
  declare static readonly OPEN: 1;
  /** The value of `readyState` from the start of the closing handshake. */
  declare static readonly CLOSING: 2;
  /** The value of `readyState` after the end of the connection. */
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  readonly #connection: SocketConnection;
  readonly #handlers: EventHandlers;
  readonly #reference: SocketReference = new SocketReference(this);

  static {
    exposeInterface(this, "WebSocket", states);
  }

  /**
   * Opens a connection.
   *
   * @param url - An absolute URL with the scheme `ws:`, `wss:`, `http:` or `https:`, without a fragment.
   * @param protocols - The subprotocols to offer. The server must select one of them.
   * @param options - The options of this package that concern one connection. Anything but an object is ignored.
   * @throws a DOMException with the name `SyntaxError` for an invalid URL or subprotocol; TypeError or RangeError for an
   *   invalid option. The message names the option.
   */
  constructor(url: string | URL, protocols?: string | Iterable<string>, options?: WebSocketOptions);
  constructor(url: unknown, protocols: unknown = undefined, options: unknown = undefined) {
    requireArgument(arguments, "new WebSocket()");
    super();
    const text = toUsvString(url);
    const list = toProtocolList(protocols);
    const record = toUrlRecord(text);
    checkProtocols(list);
    this.#handlers = new EventHandlers(this);
    this.#connection = new SocketConnection(record, list, optionsOfOneConnection(options), this.#reference);
    collected.register(this, this.#connection);
    linkToGlobalEvents();
  }

  #onListenersChanged(): void {
    // A program may have redefined the attribute `readyState`.
    this.#reference.update(this.#connection.readyState);
  }

  /** The URL, with its credentials. */
  get url(): string {
    return this.#connection.url;
  }

  /** The state of the connection: one of the constants `CONNECTING`, `OPEN`, `CLOSING` and `CLOSED`. */
  get readyState(): ReadyState {
    return this.#connection.readyState;
  }

  /**
   * The number of bytes that were passed to {@link send} and not yet to the network, without frame headers and before
   * compression. It does not become smaller after the end of the connection.
   */
  get bufferedAmount(): number {
    return this.#connection.bufferedAmount;
  }

  /** The negotiated extension with its parameters; empty if there is none. */
  get extensions(): string {
    return this.#connection.extensions;
  }

  /** The subprotocol that the server selected; empty before the connection is open. */
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

  /** Called when the connection is open. */
  get onopen(): CurrentHandler {
    return this.#handlers.get("open") as CurrentHandler;
  }

  set onopen(handler: SocketHandler<WebSocket, "open">) {
    this.#setHandler("open", handler);
  }

  /** Called for each message. */
  get onmessage(): CurrentHandler {
    return this.#handlers.get("message") as CurrentHandler;
  }

  set onmessage(handler: SocketHandler<WebSocket, "message">) {
    this.#setHandler("message", handler);
  }

  /** Called before `onclose` if the connection has failed. */
  get onerror(): CurrentHandler {
    return this.#handlers.get("error") as CurrentHandler;
  }

  set onerror(handler: SocketHandler<WebSocket, "error">) {
    this.#setHandler("error", handler);
  }

  /** Called once, when the connection has ended. */
  get onclose(): CurrentHandler {
    return this.#handlers.get("close") as CurrentHandler;
  }

  set onclose(handler: SocketHandler<WebSocket, "close">) {
    this.#setHandler("close", handler);
  }

  #setHandler(type: string, value: unknown): void {
    this.#handlers.set(type, toHandler(value));
    this.#onListenersChanged();
  }

  /**
   * Sends a message: a string, bytes or a Blob. Any other value is converted to a string. The bytes are copied. While the
   * connection closes, and afterwards, the message only counts in {@link bufferedAmount}.
   *
   * @throws a DOMException with the name `InvalidStateError` before the connection is open; TypeError for bytes in shared
   *   memory or in a resizable buffer.
   */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void;
  send(data: unknown): void {
    const connection = this.#connection;
    requireArgument(arguments, "send()");
    const sent = toSentData(data);
    if (connection.readyState === states.CONNECTING)
      throw new DOMException("The WebSocket is not open yet: wait for the event open.", "InvalidStateError");
    connection.send(sent);
  }

  /**
   * Starts the closing handshake. Messages that were sent before are still sent. Messages that arrive later are dropped.
   * Without a code, the Close frame is empty.
   *
   * @throws a DOMException: `InvalidAccessError` for a code that is neither 1000 nor in the range 3000 to 4999,
   *   `SyntaxError` for a reason of more than 123 bytes in UTF-8.
   */
  close(code?: number, reason?: string): void;
  close(code: unknown = undefined, reason: unknown = undefined): void {
    const connection = this.#connection;
    connection.close(toCloseArguments(code, reason));
  }

  // The listeners of a socket decide whether it may be collected. Therefore this class overrides the following methods.

  override addEventListener<Type extends keyof SocketEventMap>(
    type: Type,
    listener: ((this: WebSocket, event: SocketEventMap[Type]) => unknown) | null,
    options?: Listening[2],
  ): void;
  override addEventListener(...given: Listening): void;
  override addEventListener(...given: unknown[]): void {
    super.addEventListener(...(given as unknown as Listening));
    const options = given[2] as { readonly once?: unknown } | null | undefined;
    if (options?.once !== undefined) this.#reference.hasOnce = true;
    this.#onListenersChanged();
  }

  override removeEventListener<Type extends keyof SocketEventMap>(
    type: Type,
    listener: ((this: WebSocket, event: SocketEventMap[Type]) => unknown) | null,
    options?: Listening[2],
  ): void;
  override removeEventListener(...given: Parameters<EventTarget["removeEventListener"]>): void;
  override removeEventListener(...given: unknown[]): void {
    super.removeEventListener(...(given as unknown as Listening));
    this.#onListenersChanged();
  }
}
