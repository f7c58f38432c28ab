/**
 * The class of `jetsocket/ws`: the interface of the class `WebSocket` of the package `ws`, over a client of this package.
 * It checks the arguments and the state for each call, and does not connect itself.
 */
import { EventEmitter } from "node:events";
import { readAddress, readProtocols } from "./address.js";
import { isBlob, sizeOf, toBytes, toCloseFrame, toControlPayload, toText } from "./data.js";
import { addListener, defineAttributes, removeListener } from "./events.js";
import { readOptions } from "./options.js";
import { callSafely, SendCallbacks } from "./send-callbacks.js";
import { WebSocketServer } from "./server.js";
import { closed, closing, connecting, open, readyStates, type ReadyState, Session } from "./session.js";
import { createWebSocketStream } from "./stream.js";
import { nodeRuntime } from "../index.js";
import type * as types from "./types.js";

const binaryTypes: readonly unknown[] = ["nodebuffer", "arraybuffer", "fragments", "blob"];

/** The listener of an event object. */
type EventListener<Name extends keyof types.EventMap> =
  ((event: types.EventMap<WebSocket>[Name]) => void) | types.ListenerObject<types.EventMap<WebSocket>[Name]>;

/**
 * A WebSocket client with the interface of the class of the package `ws`. There is no reconnection and no heartbeat.
 *
 * An exception in a listener or callback becomes an uncaught exception.
 */
export class WebSocket extends EventEmitter<types.EmittedEvents> {
  /** The connection is not open yet. */
  static readonly CONNECTING = 0;
  /** Messages can be sent. */
  static readonly OPEN = 1;
  /** The connection is closing. */
  static readonly CLOSING = 2;
  /** The connection is closed, or could not be opened. */
  static readonly CLOSED = 3;
  static {
    for (const [value, name] of readyStates.entries())
      Object.defineProperty(this.prototype, name, { enumerable: true, value });
    defineAttributes(this.prototype);
    // The namespace below declares these properties, so that CommonJS programs can import them by name.
    Object.assign(this, { WebSocket: this, createWebSocketStream, WebSocketServer, Server: WebSocketServer });
    // Programs that a compiler translated to CommonJS may read the default export from the class itself.
    Object.defineProperty(this, "default", { value: this });
  }

  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;
  /** Called with the event object of `open`. */
  declare onopen: ((event: types.Event<WebSocket>) => void) | null;
  /** Called with the event object of `error`. */
  declare onerror: ((event: types.ErrorEvent<WebSocket>) => void) | null;
  /** Called with the event object of `close`. */
  declare onclose: ((event: types.CloseEvent<WebSocket>) => void) | null;
  /** Called with the event object of `message`. */
  declare onmessage: ((event: types.MessageEvent<WebSocket>) => void) | null;

  readonly #session: Session;
  readonly #callbacks: SendCallbacks;
  /** Bytes that were passed to `send()` when the connection was no longer open. */
  #unsentBytes = 0;

  /**
   * Starts to connect.
   *
   * @param address - A URL with the scheme `ws:`, `wss:`, `http:`, `https:` or `ws+unix:`. A user name and a password
   *   are sent as Basic authorization.
   * @param protocols - The subprotocols to offer. The handshake fails if the server selects none of them.
   * @throws SyntaxError for an invalid URL or subprotocol; TypeError or RangeError for an option that is unknown, wrong
   *   or not possible.
   */
  constructor(address: string | URL, options?: types.ClientOptions);
  constructor(
    address: string | URL,
    protocols?: string | readonly string[],
    options?: types.ClientOptions | null,
  );
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | types.ClientOptions | null,
    options?: types.ClientOptions | null,
  ) {
    super();
    if (address === null)
      throw new TypeError("jetsocket/ws is a client: the address must be a URL, not null.");
    const isOptions = typeof protocols === "object" && protocols !== null && !Array.isArray(protocols);
    const settings = readOptions((isOptions ? (protocols as types.ClientOptions) : options) ?? undefined);
    const offered = isOptions || protocols === undefined ? settings.protocols : protocols;
    this.#session = new Session(this, readAddress(address), readProtocols(offered), settings);
    this.#callbacks = new SendCallbacks(() => this.#session.link.flush());
  }

  /** The form of binary messages for the event `message`. Default `nodebuffer`. Another value is ignored. */
  get binaryType(): types.BinaryType {
    return this.#session.binaryType;
  }

  set binaryType(type: types.BinaryType) {
    if (binaryTypes.includes(type)) this.#session.binaryType = type;
  }

  /** The number of bytes that wait to be sent, plus those that were passed to `send()` after the connection was open. */
  get bufferedAmount(): number {
    return this.#session.link.bufferedAmount + this.#unsentBytes;
  }

  /** The name of the extension in use, or an empty string. */
  get extensions(): string {
    return this.#session.extension;
  }

  /** True after `pause()`. */
  get isPaused(): boolean {
    return this.#session.isPaused;
  }

  /** The subprotocol that the server selected, or an empty string. */
  get protocol(): string {
    return this.#session.subprotocol;
  }

  get readyState(): ReadyState {
    return this.#session.readyState;
  }

  /** The URL. After a redirect, the URL of the redirect. */
  get url(): string {
    return this.#session.address.href;
  }

  /** @internal Programs call `ref()` and `unref()` of the socket. `null` before the connection is open. */
  get _socket(): { ref(): void; unref(): void } | null {
    return this.readyState === connecting ? null : this.#session.link;
  }

  /** @internal */
  get endedCleanly(): boolean {
    return this.#session.wasClean;
  }

  /**
   * Sends a message. It never waits: `bufferedAmount` shows how many bytes wait to be sent.
   *
   * @param callback - Called when the message was passed to the kernel, or with an error if the connection is not open.
   * @throws Error while the connection is not open yet; TypeError for data or an option that cannot be sent.
   */
  send(data: types.BufferLike, callback?: types.SendCallback): void;
  send(data: types.BufferLike, options?: types.SendOptions, callback?: types.SendCallback): void;
  send(
    data: types.BufferLike,
    given?: types.SendOptions | types.SendCallback,
    callback?: types.SendCallback,
  ): void {
    const [options, onSent] = typeof given === "function" ? [undefined, given] : [given, callback];
    if (!this.#isSendable(data, onSent)) return;
    const isText = typeof data === "string" || typeof data === "number";
    if (options === undefined && isText) {
      if (this.#session.link.send(String(data), true)) this.#onSent(onSent);
      else this.#refuse(data, onSent);
      return;
    }
    this.#send(data, { binary: !isText, ...options }, onSent);
  }

  #send(
    data: types.BufferLike,
    { binary = true, compress = true, fin = true, mask = true }: types.SendOptions,
    onSent: types.SendCallback | undefined,
  ): void {
    if (!fin)
      throw new TypeError('The option "fin" must be true: a message is sent as a whole, in one frame.');
    if (!mask)
      throw new TypeError('The option "mask" must be true: a client masks its frames (RFC 6455 5.1).');
    const { link } = this.#session;
    if (isBlob(data)) link.sendBlob(data, binary, compress);
    else if (!link.send(binary ? toBytes(data) : toText(data), compress)) {
      this.#refuse(data, onSent);
      return;
    }
    this.#onSent(onSent);
  }

  /**
   * Sends a ping.
   *
   * @param data - At most 125 bytes. Default: none.
   * @throws Error while the connection is not open yet; RangeError if `data` is too long.
   */
  ping(data?: unknown, mask?: boolean, callback?: types.SendCallback): void;
  ping(data: unknown, callback: types.SendCallback): void;
  ping(callback: types.SendCallback): void;
  ping(data?: unknown, mask?: unknown, callback?: types.SendCallback): void {
    this.#control("ping", data, mask, callback);
  }

  /** Sends a pong. The parameters and errors are those of {@link ping}. */
  pong(data?: unknown, mask?: boolean, callback?: types.SendCallback): void;
  pong(data: unknown, callback: types.SendCallback): void;
  pong(callback: types.SendCallback): void;
  pong(data?: unknown, mask?: unknown, callback?: types.SendCallback): void {
    this.#control("pong", data, mask, callback);
  }

  #control(
    kind: "ping" | "pong",
    first: unknown,
    second: unknown,
    third: types.SendCallback | undefined,
  ): void {
    const data = typeof first === "function" ? undefined : first;
    const onSent = [first, second, third].find((one) => typeof one === "function") as
      types.SendCallback | undefined;
    if (!this.#isSendable(data, onSent)) return;
    if (second === false)
      throw new TypeError("A client masks its frames (RFC 6455 5.1), so mask must be true.");
    this.#session.link[kind](toControlPayload(data));
    this.#onSent(onSent);
  }

  /** @throws Error while the connection is not open yet. */
  #isSendable(data: unknown, onSent: types.SendCallback | undefined): boolean {
    const { readyState } = this.#session;
    if (readyState === open) return true;
    if (readyState === connecting) throw new Error("WebSocket is not open: readyState 0 (CONNECTING)");
    this.#refuse(data, onSent);
    return false;
  }

  #refuse(data: unknown, onSent: types.SendCallback | undefined): void {
    const { readyState } = this;
    this.#unsentBytes += sizeOf(data);
    const message = `WebSocket is not open: readyState ${readyState} (${readyStates[readyState]})`;
    if (onSent !== undefined) nodeRuntime.defer(() => callSafely(() => onSent(new Error(message))));
  }

  #onSent(onSent: types.SendCallback | undefined): void {
    if (onSent !== undefined) this.#callbacks.add(onSent);
  }

  /**
   * Starts the closing handshake. While the connection is not open yet, the attempt ends with an error.
   *
   * @param code - 1000-1003, 1007-1014 or 3000-4999. Default: the Close frame has no code.
   * @param data - The reason, at most 123 bytes.
   * @throws TypeError for an invalid code; RangeError if the reason is too long.
   */
  close(code?: number, data?: string | Uint8Array): void {
    const { readyState } = this;
    if (readyState === connecting) this.#session.terminate();
    else if (readyState === open) this.#session.close(...toCloseFrame(code, data));
  }

  /** Closes the connection without a closing handshake. */
  terminate(): void {
    if (this.readyState !== closed) this.#session.terminate();
  }

  /** Stops reading from the socket. Messages that were read already may still be emitted. */
  pause(): void {
    if (this.#hasSocket()) this.#session.setPaused(true);
  }

  /** Reads from the socket again. */
  resume(): void {
    if (this.#hasSocket()) this.#session.setPaused(false);
  }

  #hasSocket(): boolean {
    return this.readyState === open || this.readyState === closing;
  }

  /** Adds a listener that receives an event object. A listener that was added already is ignored. */
  addEventListener<Name extends keyof types.EventMap>(
    name: Name,
    listener: EventListener<Name> | null,
    options?: types.ListenerOptions,
  ): void {
    addListener(this, name, listener, options);
  }

  /** Removes a listener of {@link addEventListener}. */
  removeEventListener<Name extends keyof types.EventMap>(
    name: Name,
    listener: EventListener<Name> | null,
  ): void {
    removeListener(this, name, listener);
  }
}

type WebSocketClass = typeof WebSocket;
type WebSocketInstance = WebSocket;
type StreamFunction = typeof createWebSocketStream;
type ServerClass = typeof WebSocketServer;
type ServerInstance = WebSocketServer;
// The bundler of the declarations removes the prefix `types.`, so the types of the namespace need other names.
type ReceivedData = types.RawData;
type EventData = types.Data;
type ConstructorOptions = types.ClientOptions;
type DeflateOptions = types.PerMessageDeflateOptions;
type Events = types.EventMap<WebSocketInstance>;
type AddOptions = types.ListenerOptions;

/** The properties of the class, and the types that programs use through it, as with the types of the package `ws`. */
export declare namespace WebSocket {
  const WebSocket: WebSocketClass;
  type WebSocket = WebSocketInstance;
  const createWebSocketStream: StreamFunction;
  const WebSocketServer: ServerClass;
  type WebSocketServer = ServerInstance;
  const Server: ServerClass;
  type Server = ServerInstance;
  type RawData = ReceivedData;
  type Data = EventData;
  type ClientOptions = ConstructorOptions;
  type PerMessageDeflateOptions = DeflateOptions;
  type WebSocketEventMap = Events;
  type Event = Events["open"];
  type ErrorEvent = Events["error"];
  type CloseEvent = Events["close"];
  type MessageEvent = Events["message"];
  type EventListenerOptions = AddOptions;
}
