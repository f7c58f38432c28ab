// The listeners for messages: their kinds, and how a message is emitted to each kind. It does not queue messages.
import { utf8Bytes } from "../../../protocol/index.js";
import type { Emitter } from "../../events/emitter.js";
import type { BorrowedMessage, EventMap, Listener } from "../../events/event-map.js";
import type { ListenerList, ListenerListWatcher } from "../../events/listener-list.js";
import type { Decoder } from "./decoder.js";
import type { ReceivedMessage } from "./received-message.js";

/**
 * The message listeners of a client. There are three kinds:
 *
 * - `message` listeners receive decoded messages.
 * - `rawMessage` listeners receive undecoded messages.
 * - `rawMessage` listeners with the option `borrowed` receive views of the receive buffer.
 */
export class MessageListeners {
  readonly #emitter: Emitter<EventMap<unknown>>;
  /** The listeners of `message`. */
  readonly values: ListenerList<EventMap<unknown>["message"]>;
  readonly #raw: ListenerList<EventMap<unknown>["rawMessage"]>;
  /** Created with the first listener that has the option `borrowed`. */
  #borrowed: ListenerList<BorrowedMessage> | undefined;

  /** @param watcher - Called when a listener of any kind is added or removed. */
  constructor(emitter: Emitter<EventMap<unknown>>, watcher: ListenerListWatcher) {
    this.#emitter = emitter;
    this.values = emitter.listFor("message");
    this.#raw = emitter.listFor("rawMessage");
    this.values.watcher = this.#raw.watcher = watcher;
  }

  addBorrowed(listener: Listener<BorrowedMessage>): void {
    this.#borrowed ??= this.#emitter.createSeparateList("rawMessage");
    this.#borrowed.watcher = this.values.watcher;
    this.#emitter.addTo(this.#borrowed, listener, false);
  }

  /**
   * Removes a function from the `rawMessage` listeners. If the function was added several times, only the newest
   * registration is removed. It does not matter whether the option `borrowed` was set.
   */
  removeRaw(listener: Listener<unknown>): void {
    const borrowedId = this.#borrowed?.idOf(listener) ?? 0;
    if (borrowedId > this.#raw.idOf(listener)) this.#borrowed!.remove(listener);
    else this.#raw.remove(listener);
  }

  /** `true` if at least one listener was added by `on()`. In this case, messages are queued only for active readers. */
  get hasLasting(): boolean {
    return this.values.hasLasting || this.#raw.hasLasting || this.#hasBorrowed();
  }

  get isEmpty(): boolean {
    return this.values.isEmpty && this.#raw.isEmpty && !this.#hasBorrowed();
  }

  #hasBorrowed(): boolean {
    return this.#borrowed !== undefined && !this.#borrowed.isEmpty;
  }

  /** `true` if all listeners are `message` listeners. */
  get hasOnlyValues(): boolean {
    return this.values.hasLasting && this.#raw.isEmpty && !this.#hasBorrowed();
  }

  /** `true` if all listeners have the option `borrowed`. */
  get hasOnlyBorrowed(): boolean {
    return this.#hasBorrowed() && this.values.isEmpty && this.#raw.isEmpty;
  }

  /**
   * Emits a new message to the listeners of `message` and `rawMessage`.
   *
   * @returns `true` if a listener that was added by `on()` received the message.
   */
  emit(entry: ReceivedMessage): boolean {
    if (this.isEmpty) return false;
    const { hasLasting } = this;
    if (entry.data !== undefined) this.emitRaw(entry.data);
    if (hasLasting) this.markDelivered(entry);
    this.values.emit({ data: entry.value, size: entry.size });
    return hasLasting;
  }

  /**
   * Emits a message to the listeners that have the option `borrowed`.
   * @param bytes - A view that is valid only during this call.
   */
  emitBorrowed(bytes: Buffer, isBinary: boolean): void {
    this.#borrowed?.emit({ data: bytes, isBinary });
  }

  /** @param afterId - Listeners with an id up to this number have received the message already. */
  emitRaw(data: string | Buffer, afterId: number = 0): void {
    const isBinary = typeof data !== "string";
    if (!this.#raw.isEmpty) this.#raw.emit({ data, isBinary }, afterId);
    if (this.#hasBorrowed())
      this.#borrowed!.emit({ data: isBinary ? data : utf8Bytes(data), isBinary }, afterId);
  }

  /**
   * Emits a message of the inbox to the listeners that have not received the message yet.
   *
   * @param decoder - Decodes the message if it is not decoded yet.
   */
  emitWaiting(entry: ReceivedMessage, decoder: Decoder): void {
    const { data, deliveredToId } = entry;
    this.markDelivered(entry);
    if (data !== undefined) this.emitRaw(data, deliveredToId);
    if (!this.values.isEmpty && decoder.complete(entry))
      this.values.emit({ data: entry.value, size: entry.size }, deliveredToId);
  }

  /** Records that all current listeners have received the message. */
  markDelivered(entry: ReceivedMessage): void {
    entry.deliveredToId = this.#emitter.lastId;
  }
}
