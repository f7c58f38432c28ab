// Delivers received messages to listeners, `recv()` and iterators. It does not restore order or remove duplicates.
import { Inbox } from "../../buffer/inbox.js";
import { BufferOverflowError } from "../../errors.js";
import type { Emitter } from "../../events/emitter.js";
import type { DroppedEvent, EventMap } from "../../events/event-map.js";
import type { ListenerList, ListenerListWatcher } from "../../events/listener-list.js";
import type { Deserializer, RecvOptions } from "../../options/options.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Runtime } from "../../runtime/runtime.js";
import { rejected, Wait } from "../../runtime/wait.js";
import { Batch } from "./batch.js";
import { computeKey } from "./message-key.js";
import { MessageListeners } from "./message-listeners.js";
import { type IteratorSource, MessageIterator } from "./message-iterator.js";
import type { Reader, ReadingEnd } from "./reader.js";
import { InboxReader, type InboxReaderHost } from "./inbox-reader.js";
import { ReaderQueue } from "./reader-queue.js";
import { ReadingPause, type ReadingPauseHandler } from "./reading-pause.js";
import { Decoder, isUndecodable } from "./decoder.js";
import { decoded, type ReceivedMessage, detachedCopy, undecoded } from "./received-message.js";
import type { DispatcherHandler } from "./dispatcher-handler.js";

/**
 * If the inbox contains at least this number of bytes, further messages are queued undecoded. A decoded value may be
 * much larger than its text.
 */
const maxDecodedBytes = 64 * 1024;

/**
 * While at least this number of messages waits, the waiting time of every 16th message is measured. Each measurement
 * reads the clock, which is expensive.
 */
const messagesPerSample = 16;

/**
 * Delivers each message to the listeners and to the first waiting reader. If neither exists, the message is added to
 * the inbox. Therefore no message is lost when consumers change.
 */
export class Dispatcher implements ReadingPauseHandler, ListenerListWatcher, InboxReaderHost {
  readonly listeners: MessageListeners;
  readonly decoder: Decoder;
  readonly #runtime: Runtime;
  readonly #handler: DispatcherHandler;
  readonly #bounds: ResolvedOptions["buffer"];
  readonly #pause: ReadingPause;
  /** Created with the first queued message or the first reader. A client that only uses listeners has no inbox. */
  #inbox: Inbox<ReceivedMessage> | undefined;
  readonly #readers = new ReaderQueue();
  readonly #inboxReader: InboxReader = new InboxReader(this.#readers, this);
  /** The open iterator. It returns messages or batches. */
  #iterator: object | undefined;
  #batch: Batch | undefined;
  #end: ReadingEnd | undefined;
  /** How the calls of `recv()` and of iterators end when the remaining messages have been delivered. */
  #pendingEnd: ReadingEnd | undefined;
  /** True while the client is terminated: all messages are dropped. */
  #isDiscarding = false;
  /** True if a listener was added and has not received the messages in the inbox yet. */
  #isDrainDue = false;
  #isDraining = false;
  // If messages have exactly one consumer, one of these two properties caches the consumer for speed. The consumer is
  // the `message` listeners or a batch. Both properties are reset when consumers change.
  #onlyListeners: ListenerList<EventMap<unknown>["message"]> | undefined;
  #onlyBatch: Batch | undefined;
  /** True if `recv()` was called since the last check of the reading pause. */
  #wasRecvCalled = false;
  /** True until the client first starts to connect. */
  #isIdle = true;
  #takenCount = 0;

  constructor(
    runtime: Runtime,
    emitter: Emitter<EventMap<unknown>>,
    options: Pick<ResolvedOptions, "buffer"> & {
      readonly deserializer: Deserializer<unknown>;
    },
    handler: DispatcherHandler,
  ) {
    this.#runtime = runtime;
    this.listeners = new MessageListeners(emitter, this);
    this.decoder = new Decoder(options.deserializer, (data, error) => handler.onUndecodable(data, error));
    this.#pause = new ReadingPause(runtime, this);
    this.#handler = handler;
    this.#bounds = options.buffer;
  }

  #drop(message: unknown, cause: DroppedEvent["cause"]): void {
    this.#handler.onDropped({ direction: "in", message, cause });
  }

  /** The number of messages in the inbox. */
  get waitingCount(): number {
    return this.#inbox?.length ?? 0;
  }

  /** `true` if readers receive no further messages. */
  #isOver(): boolean {
    return this.#end !== undefined || this.#isDiscarding;
  }

  /** The client starts to connect. The inbox may contain messages of an earlier run, which are delivered first. */
  begin(): void {
    this.#isIdle = false;
    this.#end = undefined;
    this.#pendingEnd = undefined;
    this.#isDiscarding = false;
    this.#inbox?.reopen();
    // Reading may still be paused since the earlier run. The idle timer is started again, because the end of the
    // earlier run has stopped it.
    if (this.#pause.isOn) this.#pause.begin();
    if (this.hasWaitingReader) this.inbox.beginReading();
  }

  /** Delivers an undecoded message. The message is decoded only if a consumer needs the value. */
  receive(data: string | Buffer, size: number, at: number): void {
    if (this.#onlyListeners === undefined && !this.#isOnlyForBatch() && !this.#isOnlyForMessageListeners()) {
      this.#dispatch(data, size, at);
      return;
    }
    const value = this.decoder.decode(data);
    if (!isUndecodable(value)) this.deliverValue(value, data, size, at);
  }

  #dispatch(data: string | Buffer, size: number, at: number): void {
    if (this.#isDrainDue) this.finishDraining();
    if (!this.hasWaitingReader && this.listeners.values.isEmpty && this.listeners.hasLasting) {
      this.listeners.emitRaw(data);
      return;
    }
    if (this.#canQueueUndecoded()) {
      this.#queueUndecoded(data, size, at);
      return;
    }
    const detached = this.#bounds.keyOf === undefined ? data : detachedCopy(data);
    const value = this.decoder.decode(detached);
    if (isUndecodable(value)) this.listeners.emitRaw(detached);
    else this.deliver(decoded(value, detached, size, at));
  }

  /** `true` if only listeners of `message` consume messages. This is the most common and fastest case. */
  #isOnlyForMessageListeners(): boolean {
    if (this.#onlyListeners === undefined && this.listeners.hasOnlyValues && this.#isOnlyForListeners())
      this.#onlyListeners = this.listeners.values;
    return this.#onlyListeners !== undefined;
  }

  #isOnlyForBatch(): boolean {
    if (this.#onlyBatch === undefined) {
      const isOnly = this.#readers.length === 0 && this.#canAddToBatch() && this.listeners.isEmpty;
      if (isOnly) this.#onlyBatch = this.#batch;
    }
    return this.#onlyBatch?.isOpen === true;
  }

  onListenersChanged(): void {
    this.#resetOnlyConsumer();
  }

  /** Must be called when the consumers may have changed. */
  #resetOnlyConsumer(): void {
    this.#onlyListeners = undefined;
    this.#onlyBatch = undefined;
  }

  /** `true` if every consumer accepts a borrowed view of the message. */
  get isLending(): boolean {
    return this.listeners.hasOnlyBorrowed && this.#isOnlyForListeners();
  }

  #isOnlyForListeners(): boolean {
    return !this.hasWaitingReader && !this.#isDrainDue && !this.#isDiscarding;
  }

  #canQueueUndecoded(): boolean {
    if (this.#inbox === undefined || this.#inbox.bytes < maxDecodedBytes) return false;
    if (this.#readers.length > 0) return false;
    return this.#bounds.keyOf === undefined && !this.#isOver() && this.listeners.values.isEmpty;
  }

  /** Emits an undecoded message and adds it to the inbox. The message is decoded when it is read or dropped. */
  #queueUndecoded(data: string | Buffer, size: number, at: number): void {
    this.listeners.emitRaw(data);
    const entry = undecoded(data, size, at);
    if (this.listeners.hasLasting) this.listeners.markDelivered(entry);
    this.#deliverToReaders(entry);
  }

  /** Delivers a decoded message. No record is created if only listeners or only a batch consume the message. */
  deliverValue(value: unknown, data: string | Buffer, size: number, at: number): void {
    const listeners = this.#onlyListeners;
    if (listeners !== undefined) listeners.emit({ data: value, size });
    else if (this.#onlyBatch?.add(value, size) !== true) this.#deliverToOthers(value, data, size, at);
  }

  /** Delivers a decoded message if the fast path for a single consumer is not possible. */
  #deliverToOthers(value: unknown, data: string | Buffer, size: number, at: number): void {
    if (this.#onlyBatch === undefined && this.#isOnlyForBatch() && this.#batch!.add(value, size)) return;
    if (this.#isOnlyForMessageListeners()) this.listeners.values.emit({ data: value, size });
    else this.deliver(decoded(value, data, size, at));
  }

  /** Delivers a decoded message to all consumers. */
  deliver(entry: ReceivedMessage): void {
    if (this.#isDiscarding) {
      this.#drop(entry.value, "closed");
      return;
    }
    if (this.#isDrainDue) this.finishDraining();
    const hasReaders = this.hasWaitingReader;
    const wasEmitted = this.listeners.emit(entry);
    // If a listener has received the message, the message is queued only for an open iterator. It is not queued for
    // `recv()` calls whose `match` function rejected it.
    if (!wasEmitted || hasReaders) this.#deliverToReaders(entry, !wasEmitted || this.#iterator !== undefined);
  }

  /** `true` if a batch is open and the inbox is empty. Messages in the inbox are older, so they must be read first. */
  #canAddToBatch(): boolean {
    return this.#batch?.isOpen === true && this.waitingCount === 0 && !this.#isOver();
  }

  /**
   * Delivers a message to the first reader that accepts the message. Without such a reader, the message is added to the
   * open batch or to the inbox.
   *
   * @param isQueued - `false` if the message must not be added to the inbox.
   */
  #deliverToReaders(entry: ReceivedMessage, isQueued: boolean = true): void {
    const reader = this.#readers.take(entry.value);
    if (reader !== undefined) {
      reader.resolve(entry.value);
      return;
    }
    if (this.#canAddToBatch() && this.#batch!.add(entry.value, entry.size)) return;
    if (this.#isOver()) {
      this.#drop(entry.value, "closed");
      return;
    }
    if (!isQueued) return;
    const { keyOf } = this.#bounds;
    const addedBefore = this.#readers.addedCount;
    if (keyOf !== undefined) entry.key = computeKey(keyOf, entry.value, this.#handler);
    const demand = this.inbox.push(entry);
    // `keyOf` may have started a reader. That reader must receive this message.
    if (this.#readers.addedCount !== addedBefore) this.#inboxReader.deliverToReaders();
    if (demand === "pause") this.#beginPause();
    else if (demand === "fail") this.#handler.onInboxFull();
  }

  #beginPause(): void {
    if (this.#pause.isOn) return;
    this.#pause.begin();
    if (this.isEndPending) this.#pause.stopTimer();
    // A listener of `paused` may read messages, and thereby end the pause during this call.
    this.#handler.onPaused();
    if (this.isPaused) this.#readers.rejectFiltered(this.#matchOverflow());
  }

  #matchOverflow(): BufferOverflowError {
    return new BufferOverflowError(
      `recv({ match }) accepts none of the ${this.waitingCount} messages in the inbox, which is full. ` +
        `Read them too, or set buffer.capacity or buffer.overflow.`,
    );
  }

  // The class `ReadingPause` calls `wasRead()` and `onIdle()`.

  wasRead(): boolean {
    const wasRead = this.#wasRecvCalled || this.#iterator !== undefined;
    this.#wasRecvCalled = false;
    return wasRead;
  }

  onIdle(): void {
    this.#inbox?.endReading();
    this.#resume();
  }

  ref(): void {
    this.#pause.ref();
  }

  unref(): void {
    this.#pause.unref();
  }

  #resume(): void {
    const wasPaused = this.#pause.isOn;
    this.#pause.end();
    if (wasPaused) this.#handler.onResumed();
  }

  /** Resolves when reading is not paused. */
  untilReadable(): Promise<void> {
    return this.#pause.untilOver();
  }

  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  /** The messages in the inbox, oldest first. */
  get waiting(): readonly ReceivedMessage[] {
    return this.#inbox?.waiting ?? [];
  }

  /** Resolves with the next message, or with the first message that `options.match` accepts. */
  recv(options: RecvOptions<unknown> | undefined): Promise<unknown> {
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    this.#wasRecvCalled = true;
    const match = options?.match;
    try {
      const entry = match === undefined ? this.#inboxReader.next() : this.#inboxReader.matching(match);
      if (entry !== undefined) return Promise.resolve(entry.value);
    } catch (error) {
      return rejected(error);
    }
    // No message arrives during a pause. This call of `recv()` accepts no waiting message, so it cannot end the pause.
    // Without another reader, this call would wait forever.
    if (match !== undefined && this.#pause.isOn) return rejected(this.#matchOverflow());
    const end = this.#inboxReader.endFor(this.#end);
    if (end !== undefined) return rejected(end.recvError);
    const wait = new Wait<unknown>(this.#runtime, "recv", options, () => this.#removeReader(reader));
    const reject = (reason: unknown): void => wait.reject(reason);
    const reader: Reader = {
      filter: match === undefined ? undefined : { match, reject },
      resolve: (value) => wait.resolve(value),
      end: ({ recvError }) => reject(recvError),
    };
    this.#addReader(reader);
    return wait.promise;
  }

  #addReader(reader: Reader): void {
    this.#readers.add(reader);
    this.#resetOnlyConsumer();
    if (this.#isIdle) this.#handler.onIdleWait(1);
  }

  #removeReader(reader: Reader): void {
    if (this.#readers.remove(reader) && this.#isIdle) this.#handler.onIdleWait(-1);
  }

  // The following methods are called by the inbox reader.

  endReaders(): void {
    const end = this.#end;
    if (end !== undefined) for (const reader of this.#readers.takeAll()) reader.end(end);
  }

  get inbox(): Inbox<ReceivedMessage> {
    return (this.#inbox ??= new Inbox(this.#bounds, (entry) => {
      if (this.decoder.complete(entry)) this.#drop(entry.value, this.#isOver() ? "closed" : "overflow");
    }));
  }

  onTaken(entry: ReceivedMessage | undefined): void {
    const { inbox } = this;
    if (entry !== undefined) {
      const isSampled = inbox.length < messagesPerSample || ++this.#takenCount % messagesPerSample === 0;
      if (isSampled) this.#handler.onConsumed(this.#runtime.now() - entry.at);
    }
    if (this.#pause.isOn && inbox.isHalfFree) this.#resume();
  }

  /** Opens an iterator over messages. @returns `undefined` if an iterator is already open. */
  iterate(): AsyncIterableIterator<unknown> | undefined {
    return this.#openIterator({ take: () => this.#inboxReader.next(), itemOf: (first) => first });
  }

  /**
   * Opens an iterator over batches. A batch contains the messages of one read from the socket, or all messages in the
   * inbox.
   */
  iterateBatches(): AsyncIterableIterator<readonly unknown[]> | undefined {
    const batch = (this.#batch ??= new Batch(this.#bounds.maxBytes));
    return this.#openIterator({ take: () => this.#inboxReader.all(), itemOf: (first) => batch.begin(first) });
  }

  #openIterator<Item>(
    kind: Pick<IteratorSource<Item>, "take" | "itemOf">,
  ): MessageIterator<Item> | undefined {
    if (this.#iterator !== undefined) return undefined;
    this.inbox.beginReading();
    const iterator = new MessageIterator<Item>({
      ...kind,
      ended: () => this.#inboxReader.endFor(this.#end),
      wait: (reader) => this.#addReader(reader),
      onReturn: (readers) => {
        this.#iterator = undefined;
        for (const reader of readers) this.#removeReader(reader);
        // Unread messages stay in the inbox. Reading continues, so that listeners receive newer messages without delay.
        if (this.#pause.isOn && this.listeners.hasLasting) this.onIdle();
      },
    });
    this.#iterator = iterator;
    this.#resetOnlyConsumer();
    return iterator;
  }

  /** A listener was added by `on()`. The listener receives the messages in the inbox before newer messages. */
  onListenerAdded(): void {
    if (this.waitingCount === 0 || this.#isDrainDue) return;
    this.#isDrainDue = true;
    this.#runtime.defer(() => {
      if (this.#isDrainDue) this.finishDraining();
    });
  }

  /**
   * If an emission of the waiting messages to listeners is scheduled or in progress, emits all messages of the inbox
   * now. A listener may end the client during the emission. The remaining messages are then emitted before the end of
   * the client is reported.
   */
  finishDraining(): void {
    if (!this.#isDrainDue && !this.#isDraining) return;
    this.#isDrainDue = false;
    this.#isDraining = true;
    const { inbox } = this;
    if (this.#iterator !== undefined) {
      // The messages are emitted to the listeners, but stay in the inbox, because the open iterator must receive them,
      // too.
      for (const entry of inbox.waiting) {
        if (this.#isOver()) break;
        this.listeners.emitWaiting(entry, this.decoder);
      }
    } else {
      while (this.listeners.hasLasting && inbox.length > 0)
        this.listeners.emitWaiting(inbox.shift()!, this.decoder);
      if (this.#pause.isOn && inbox.isHalfFree) this.#resume();
    }
    this.#isDraining = false;
  }

  /** The client or the connection closes. Reading continues until the peer's Close frame, even if the inbox is full. */
  beginClosing(): void {
    this.inbox.beginClosing();
    this.#resume();
  }

  /** The client is being terminated. Drops all messages. Readers wait for the end. */
  discard(): void {
    this.#isDiscarding = true;
    this.#resetOnlyConsumer();
    this.#inbox?.clear();
  }

  /** No further message arrives. Readers receive the remaining messages first, unless `isImmediate` is `true`. */
  finish(end: ReadingEnd, isImmediate: boolean): void {
    if (!isImmediate && this.#handler.hasLeftover === true) {
      this.#pendingEnd = end;
      // No timer may run after the client has ended.
      this.#pause.stopTimer();
      return;
    }
    this.#end = end;
    this.#resetOnlyConsumer();
    // A listener of `resumed` or `dropped` may connect again and add readers. This method must not end these new
    // readers.
    const readers = this.#readers.takeAll();
    this.#resume();
    if (isImmediate) this.#inbox?.clear();
    for (const reader of readers) reader.end(end);
  }

  /** `true` if the client has ended, but messages that arrived before the end are not delivered yet. */
  get isEndPending(): boolean {
    return this.#pendingEnd !== undefined;
  }

  /** The last message before the end was delivered. */
  onLeftoversDelivered(): void {
    if (this.#pendingEnd === undefined) return;
    this.#pause.end();
    this.#end = this.#pendingEnd;
    this.#pendingEnd = undefined;
    this.#resetOnlyConsumer();
    this.endReaders();
  }

  /** `true` if an iterator is open or a `recv()` call waits. Both report the end of the client to the user. */
  get hasWaitingReader(): boolean {
    return this.#iterator !== undefined || this.#readers.length > 0;
  }
}
