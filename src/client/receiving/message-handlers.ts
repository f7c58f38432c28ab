import type { Emitter } from "../../events/emitter.js";
import type { BorrowedMessage, EventMap, Listener } from "../../events/event-map.js";
import type { ListenerList, ListenerListWatcher } from "../../events/listener-list.js";
import type { Decoder } from "./decoder.js";
import type { ReceivedMessage } from "./received-message.js";

/** Who listens for messages: for values, for what came over the wire, or for a look at its bytes where they lie. */
export class MessageHandlers<Received> {
  readonly #emitter: Emitter<EventMap<Received>>;
  readonly values: ListenerList<EventMap<Received>["message"]>;
  readonly #raw: ListenerList<EventMap<Received>["rawMessage"]>;
  readonly #watcher: ListenerListWatcher;
  /** From the first one on. */
  #borrowers: ListenerList<BorrowedMessage> | undefined;

  /** @param watcher - Is told when any of those has come or gone. */
  constructor(emitter: Emitter<EventMap<Received>>, watcher: ListenerListWatcher) {
    this.#emitter = emitter;
    this.#watcher = watcher;
    this.values = emitter.topic("message");
    this.#raw = emitter.topic("rawMessage");
    this.values.watcher = this.#raw.watcher = watcher;
  }

  addBorrower(listener: Listener<BorrowedMessage>): void {
    this.#borrowers ??= this.#emitter.branch("rawMessage");
    this.#borrowers.watcher = this.#watcher;
    this.#emitter.addTo(this.#borrowers, listener, false);
  }

  /** Takes away the `rawMessage` handler that was added last of those that are this function, borrowed or not. */
  removeRaw(listener: Listener<unknown>): void {
    const borrowerId = this.#borrowers?.idOf(listener) ?? 0;
    if (borrowerId > this.#raw.idOf(listener)) this.#borrowers!.remove(listener);
    else this.#raw.remove(listener);
  }

  /** Messages go to handlers, and wait for nobody who does not read. */
  get hasLasting(): boolean {
    return this.values.hasLasting || this.#raw.hasLasting || this.#hasBorrowers();
  }

  get isEmpty(): boolean {
    return this.values.isEmpty && this.#raw.isEmpty && !this.#hasBorrowers();
  }

  #hasBorrowers(): boolean {
    return this.#borrowers !== undefined && !this.#borrowers.isEmpty;
  }

  get wantValues(): boolean {
    return !this.values.isEmpty;
  }

  get wantValuesAlone(): boolean {
    return this.values.hasLasting && this.#raw.isEmpty && !this.#hasBorrowers();
  }

  get wantLoansAlone(): boolean {
    return this.#hasBorrowers() && this.values.isEmpty && this.#raw.isEmpty;
  }

  /**
   * Tells what comes now to all.
   * @returns `true` where lasting ones have it.
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

  /** @param bytes - Only lent. */
  lend(bytes: Buffer, isBinary: boolean): void {
    this.#borrowers?.emit({ data: bytes, isBinary });
  }

  /** @param afterId - Handlers up to this id have had it already. */
  emitRaw(data: string | Buffer, afterId: number = 0): void {
    const isBinary = typeof data !== "string";
    if (!this.#raw.isEmpty) this.#raw.emit({ data, isBinary }, afterId);
    if (!this.#hasBorrowers()) return;
    this.#borrowers?.emit({ data: isBinary ? data : Buffer.from(data), isBinary }, afterId);
  }

  /**
   * Tells what has waited, to those who have not had it yet.
   * @param decoder - Decodes it, where that is still to be done.
   */
  emitWaiting(entry: ReceivedMessage<Received>, decoder: Decoder<Received>): void {
    const { data, deliveredToId } = entry;
    this.markDelivered(entry);
    if (data !== undefined) this.emitRaw(data, deliveredToId);
    if (!this.values.isEmpty && decoder.complete(entry))
      this.values.emit({ data: entry.value }, deliveredToId);
  }

  /** It goes to all who are handlers now. */
  markDelivered(entry: ReceivedMessage<Received>): void {
    entry.deliveredToId = this.#emitter.lastId;
  }
}
