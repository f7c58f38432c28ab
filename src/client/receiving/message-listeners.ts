// The listeners for messages: which kinds exist, and how a message is emitted to each kind. It does not queue messages.
import type { Emitter } from "../../events/emitter.js";
import type { BorrowedMessage, EventMap, Listener } from "../../events/event-map.js";
import type { ListenerList, ListenerListWatcher } from "../../events/listener-list.js";
import type { Decoder } from "./decoder.js";
import type { ReceivedMessage } from "./received-message.js";

/**
 * The listeners of a client for decoded messages (`message`), for undecoded messages (`rawMessage`), and for views of
 * the receive buffer (`rawMessage` with `borrowed`).
 */
export class MessageListeners<Received> {
  readonly #emitter: Emitter<EventMap<Received>>;
  readonly values: ListenerList<EventMap<Received>["message"]>;
  readonly #raw: ListenerList<EventMap<Received>["rawMessage"]>;
  readonly #watcher: ListenerListWatcher;
  /** Created with the first listener that has the option `borrowed`. */
  #borrowed: ListenerList<BorrowedMessage> | undefined;

  /** @param watcher - Called when a listener of any kind is added or removed. */
  constructor(emitter: Emitter<EventMap<Received>>, watcher: ListenerListWatcher) {
    this.#emitter = emitter;
    this.#watcher = watcher;
    this.values = emitter.listFor("message");
    this.#raw = emitter.listFor("rawMessage");
    this.values.watcher = this.#raw.watcher = watcher;
  }

  addBorrowed(listener: Listener<BorrowedMessage>): void {
    this.#borrowed ??= this.#emitter.createSeparateList("rawMessage");
    this.#borrowed.watcher = this.#watcher;
    this.#emitter.addTo(this.#borrowed, listener, false);
  }

  /** Removes the last added `rawMessage` listener that is this function, with or without `borrowed`. */
  removeRaw(listener: Listener<unknown>): void {
    const borrowedId = this.#borrowed?.idOf(listener) ?? 0;
    if (borrowedId > this.#raw.idOf(listener)) this.#borrowed!.remove(listener);
    else this.#raw.remove(listener);
  }

  /** `true` if there is a listener that was not added by `once()`. Messages are then queued only for active readers. */
  get hasLasting(): boolean {
    return this.values.hasLasting || this.#raw.hasLasting || this.#hasBorrowed();
  }

  get isEmpty(): boolean {
    return this.values.isEmpty && this.#raw.isEmpty && !this.#hasBorrowed();
  }

  #hasBorrowed(): boolean {
    return this.#borrowed !== undefined && !this.#borrowed.isEmpty;
  }

  get hasMessageListeners(): boolean {
    return !this.values.isEmpty;
  }

  get hasOnlyMessageListeners(): boolean {
    return this.values.hasLasting && this.#raw.isEmpty && !this.#hasBorrowed();
  }

  get hasOnlyBorrowed(): boolean {
    return this.#hasBorrowed() && this.values.isEmpty && this.#raw.isEmpty;
  }

  /**
   * Emits a new message to the listeners of `message` and `rawMessage`.
   *
   * @returns `true` if a listener that was not added by `once()` received it.
   */
  emit(entry: ReceivedMessage<Received>): boolean {
    if (this.isEmpty) return false;
    const { hasLasting } = this;
    if (entry.data !== undefined) this.emitRaw(entry.data);
    if (hasLasting) this.markDelivered(entry);
    this.emitValue(entry.value);
    return hasLasting;
  }

  emitValue(value: Received): void {
    this.values.emit({ data: value });
  }

  /** Emits a message to the borrowing listeners. @param bytes - A view that is valid only during this call. */
  emitBorrowed(bytes: Buffer, isBinary: boolean): void {
    this.#borrowed?.emit({ data: bytes, isBinary });
  }

  /** @param afterId - Listeners with an id up to this one already received the message. */
  emitRaw(data: string | Buffer, afterId: number = 0): void {
    const isBinary = typeof data !== "string";
    if (!this.#raw.isEmpty) this.#raw.emit({ data, isBinary }, afterId);
    if (!this.#hasBorrowed()) return;
    this.#borrowed?.emit({ data: isBinary ? data : Buffer.from(data), isBinary }, afterId);
  }

  /**
   * Emits a message from the inbox to the listeners that have not received it yet.
   *
   * @param decoder - Decodes the message if that has not been done.
   */
  emitWaiting(entry: ReceivedMessage<Received>, decoder: Decoder<Received>): void {
    const { data, deliveredToId } = entry;
    this.markDelivered(entry);
    if (data !== undefined) this.emitRaw(data, deliveredToId);
    if (!this.values.isEmpty && decoder.complete(entry))
      this.values.emit({ data: entry.value }, deliveredToId);
  }

  /** Records that all current listeners have received the message. */
  markDelivered(entry: ReceivedMessage<Received>): void {
    entry.deliveredToId = this.#emitter.lastId;
  }
}
