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
 * When the inbox contains this many bytes, further messages are queued undecoded: a value may be much larger than its
 * text.
 */
const maxDecodedBytes = 64 * 1024;

/**
 * While many messages wait, the time in the inbox is measured for one in this many, because reading the clock is
 * expensive.
 */
const messagesPerSample = 16;

/**
 * Delivers each message to the listeners, to the first waiting reader, or to the inbox, so that no message is lost when
 * the consumer changes.
 */
export class Dispatcher<Received>
  implements ReadingPauseHandler, ListenerListWatcher, InboxReaderHost<Received>
{
  readonly listeners: MessageListeners<Received>;
  readonly decoder: Decoder<Received>;
  readonly #runtime: Runtime;
  readonly #handler: DispatcherHandler;
  readonly #bounds: ResolvedOptions<Received, never>["buffer"];
  readonly #pause: ReadingPause;
  /** Created with the first queued message or the first reader. A client that only uses listeners has none. */
  #inbox: Inbox<ReceivedMessage<Received>> | undefined;
  readonly #readers = new ReaderQueue<Received>();
  readonly #inboxReader: InboxReader<Received> = new InboxReader<Received>(this.#readers, this);
  /** The open iterator, over messages or over batches. */
  #iterator: object | undefined;
  #batch: Batch<Received> | undefined;
  #end: ReadingEnd | undefined;
  /** The end that readers receive after the remaining messages were delivered. */
  #pendingEnd: ReadingEnd | undefined;
  /** The client is being terminated: all messages are dropped. */
  #isDiscarding = false;
  /** A listener was added, and the messages in the inbox are to be emitted to it. */
  #isDrainDue = false;
  #isDraining = false;
  // The only consumer, cached for speed and reset whenever consumers change: the listeners of `message`, or a batch.
  #onlyListeners: ListenerList<EventMap<Received>["message"]> | undefined;
  #onlyBatch: Batch<Received> | undefined;
  /** `recv()` was called since the last check of the reading pause. */
  #wasRecvCalled = false;
  /** The client has never started to connect. */
  #isIdle = true;
  #takenCount = 0;

  constructor(
    runtime: Runtime,
    emitter: Emitter<EventMap<Received>>,
    options: {
      readonly deserializer: Deserializer<Received>;
      readonly buffer: ResolvedOptions<Received, never>["buffer"];
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

  #ensureInbox(): Inbox<ReceivedMessage<Received>> {
    return (this.#inbox ??= new Inbox(this.#bounds, (entry) => {
      if (this.decoder.complete(entry)) this.#drop(entry.value, this.#isOver() ? "closed" : "overflow");
    }));
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

  /**
   * The client starts to connect, for the first time or again. Messages that are still in the inbox are delivered
   * first.
   */
  begin(): void {
    this.#isIdle = false;
    this.#end = undefined;
    this.#pendingEnd = undefined;
    this.#isDiscarding = false;
    this.#inbox?.reopen();
    // The end of the client has stopped the idle timer of its pause.
    if (this.#pause.isOn) this.#pause.begin();
    if (this.hasWaitingReader) this.#ensureInbox().beginReading();
  }

  /** Delivers an undecoded message. It is decoded only if a consumer needs its value. */
  receive(data: string | Buffer, size: number, at: number): void {
    if (this.#onlyListeners === undefined && !this.#isOnlyForBatch() && !this.#isOnlyForMessageListeners()) {
      this.#dispatch(data, size, at);
      return;
    }
    const value = this.decoder.decode(data);
    if (!isUndecodable(value)) this.deliverValue(value, data, size, at);
  }

  #dispatch(data: string | Buffer, size: number, at: number): void {
    if (this.#isDrainDue) this.#drainToListeners();
    if (!this.#hasReaders() && !this.listeners.hasMessageListeners && this.listeners.hasLasting) {
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

  /** `true` in the most common and fastest case: only listeners of `message` consume messages. */
  #isOnlyForMessageListeners(): boolean {
    if (
      this.#onlyListeners === undefined &&
      this.listeners.hasOnlyMessageListeners &&
      this.#isOnlyForListeners()
    )
      this.#onlyListeners = this.listeners.values;
    return this.#onlyListeners !== undefined;
  }

  #isOnlyForBatch(): boolean {
    if (this.#onlyBatch === undefined && this.#canBatchBeOnlyConsumer()) this.#onlyBatch = this.#batch;
    return this.#onlyBatch?.isOpen === true;
  }

  #canBatchBeOnlyConsumer(): boolean {
    return this.#readers.length === 0 && this.#canAddToBatch() && this.listeners.isEmpty;
  }

  onListenersChanged(): void {
    this.#resetOnlyConsumer();
  }

  /** Called whenever the consumers may have changed. */
  #resetOnlyConsumer(): void {
    this.#onlyListeners = undefined;
    this.#onlyBatch = undefined;
  }

  /** `true` if every consumer accepts a borrowed view of the message. */
  get isLending(): boolean {
    return this.listeners.hasOnlyBorrowed && this.#isOnlyForListeners();
  }

  #isOnlyForListeners(): boolean {
    return !this.#hasReaders() && !this.#isDrainDue && !this.#isDiscarding;
  }

  #canQueueUndecoded(): boolean {
    if (this.#inbox === undefined || this.#inbox.bytes < maxDecodedBytes) return false;
    if (this.#readers.length > 0) return false;
    return this.#bounds.keyOf === undefined && !this.#isOver() && !this.listeners.hasMessageListeners;
  }

  /** Emits an undecoded message to listeners and adds it to the inbox. It is decoded when it is read or dropped. */
  #queueUndecoded(data: string | Buffer, size: number, at: number): void {
    this.listeners.emitRaw(data);
    const entry = undecoded<Received>(data, size, at);
    if (this.listeners.hasLasting) this.listeners.markDelivered(entry);
    this.#deliverToReaders(entry);
  }

  /** Delivers a decoded message of a connection. It creates no record if only listeners or a batch consume it. */
  deliverValue(value: Received, data: string | Buffer, size: number, at: number): void {
    const listeners = this.#onlyListeners;
    if (listeners !== undefined) listeners.emit({ data: value });
    else if (this.#onlyBatch?.add(value, size) !== true) this.#deliverToOthers(value, data, size, at);
  }

  /** Delivers a message if the cached only consumer did not accept it. */
  #deliverToOthers(value: Received, data: string | Buffer, size: number, at: number): void {
    if (this.#onlyBatch === undefined && this.#isOnlyForBatch() && this.#batch!.add(value, size)) return;
    if (this.#isOnlyForMessageListeners()) this.listeners.emitValue(value);
    else this.deliver(decoded(value, data, size, at));
  }

  /** Delivers a decoded message to all consumers. */
  deliver(entry: ReceivedMessage<Received>): void {
    if (this.#isDiscarding) {
      this.#drop(entry.value, "closed");
      return;
    }
    if (this.#isDrainDue) this.#drainToListeners();
    const hasReaders = this.#hasReaders();
    const wasEmitted = this.listeners.emit(entry);
    // If a listener receives the message, it is queued only for an open iterator, not for a `recv()` whose `match`
    // rejects it.
    if (!wasEmitted || hasReaders) this.#deliverToReaders(entry, !wasEmitted || this.#iterator !== undefined);
  }

  /** `true` if an iterator is open or a call waits. */
  #hasReaders(): boolean {
    return this.#iterator !== undefined || this.#readers.length > 0;
  }

  /** `true` if a batch collects messages. Messages in the inbox must be read before newer ones are added to a batch. */
  #canAddToBatch(): boolean {
    return this.#batch?.isOpen === true && this.waitingCount === 0 && !this.#isOver();
  }

  /**
   * Delivers a message to the first reader that accepts it, or adds it to the open batch or to the inbox.
   *
   * @param isQueued - `false` if the message must not be added to the inbox.
   */
  #deliverToReaders(entry: ReceivedMessage<Received>, isQueued: boolean = true): void {
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
    const demand = this.#ensureInbox().push(entry);
    // `keyOf` may have started a reader, which must receive this message.
    if (this.#readers.addedCount !== addedBefore) this.#inboxReader.deliverToReaders();
    if (demand === "pause") this.#beginPause();
    else if (demand === "fail") this.#handler.onInboxFull();
  }

  #beginPause(): void {
    if (this.#pause.isOn) return;
    this.#pause.begin();
    if (this.isEndPending) this.#pause.stopTimer();
    // A listener of `paused` may read messages, which may end the pause during this call.
    this.#handler.onPaused();
    if (this.isPaused) this.#readers.rejectFiltered(this.#matchOverflow());
  }

  #matchOverflow(): BufferOverflowError {
    return new BufferOverflowError(
      `recv({ match }) accepts none of the ${this.waitingCount} messages in the inbox. The inbox is full, and reading is paused ` +
        `until they are read. Also read the other messages, set a larger buffer, or set another buffer.overflow.`,
    );
  }

  // Called by the reading pause.

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
  get waiting(): readonly ReceivedMessage<Received>[] {
    return this.#inbox?.waiting ?? [];
  }

  /** Resolves with the next message, or with the first one that `options.match` accepts. */
  recv(options: RecvOptions<Received> | undefined): Promise<Received> {
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    this.#wasRecvCalled = true;
    const match = options?.match;
    if (match !== undefined) return this.#recvMatching(options, match);
    const entry = this.#inboxReader.next();
    if (entry !== undefined) return Promise.resolve(entry.value);
    return this.#waitForMessage(options, undefined);
  }

  #recvMatching(
    options: RecvOptions<Received> | undefined,
    match: (message: Received) => boolean,
  ): Promise<Received> {
    try {
      const entry = this.#inboxReader.matching(match);
      if (entry !== undefined) return Promise.resolve(entry.value);
    } catch (error) {
      return rejected(error);
    }
    // No message can arrive during a pause, and possibly no other reader ends it. The call could wait forever.
    if (this.#pause.isOn) return rejected(this.#matchOverflow());
    return this.#waitForMessage(options, match);
  }

  #waitForMessage(
    options: RecvOptions<Received> | undefined,
    match: ((message: Received) => boolean) | undefined,
  ): Promise<Received> {
    const end = this.#inboxReader.endFor(this.#end);
    if (end !== undefined) return rejected(end.recvError);
    const wait = new Wait<Received>(this.#runtime, "recv", options, () => this.#removeReader(reader));
    const reject = (reason: unknown): void => wait.reject(reason);
    const reader: Reader<Received> = {
      filter: match === undefined ? undefined : { match, reject },
      resolve: (value) => wait.resolve(value),
      end: (end) => reject(end.recvError),
    };
    this.#addReader(reader);
    return wait.promise;
  }

  #addReader(reader: Reader<Received>): void {
    this.#readers.add(reader);
    this.#resetOnlyConsumer();
    if (this.#isIdle) this.#handler.onIdleWait(1);
  }

  #removeReader(reader: Reader<Received>): void {
    if (this.#readers.remove(reader) && this.#isIdle) this.#handler.onIdleWait(-1);
  }

  // Called by the inbox reader.

  endReaders(): void {
    if (this.#end !== undefined) for (const reader of this.#readers.takeAll()) reader.end(this.#end);
  }

  get inbox(): Inbox<ReceivedMessage<Received>> {
    return this.#ensureInbox();
  }

  onTaken(entry: ReceivedMessage<Received> | undefined): void {
    const inbox = this.#ensureInbox();
    if (entry !== undefined && this.#isSampled(inbox))
      this.#handler.onConsumed(this.#runtime.now() - entry.at);
    if (this.#pause.isOn && inbox.isHalfFree) this.#resume();
  }

  #isSampled(inbox: Inbox<ReceivedMessage<Received>>): boolean {
    return inbox.length < messagesPerSample || ++this.#takenCount % messagesPerSample === 0;
  }

  /** Opens an iterator over messages. @returns `undefined` if an iterator is already open. */
  iterate(): AsyncIterableIterator<Received> | undefined {
    return this.#openIterator({ take: () => this.#inboxReader.next(), itemOf: (first) => first });
  }

  /** Opens an iterator over batches: the messages of one read, or all messages in the inbox. */
  iterateBatches(): AsyncIterableIterator<readonly Received[]> | undefined {
    const batch = (this.#batch ??= new Batch(this.#bounds.maxBytes));
    return this.#openIterator({ take: () => this.#inboxReader.all(), itemOf: (first) => batch.begin(first) });
  }

  #openIterator<Item>(
    kind: Pick<IteratorSource<Received, Item>, "take" | "itemOf">,
  ): MessageIterator<Received, Item> | undefined {
    if (this.#iterator !== undefined) return undefined;
    this.#ensureInbox().beginReading();
    const iterator = new MessageIterator<Received, Item>({
      ...kind,
      ended: () => this.#inboxReader.endFor(this.#end),
      wait: (reader) => this.#addReader(reader),
      onReturn: (readers) => {
        this.#iterator = undefined;
        for (const reader of readers) this.#removeReader(reader);
        this.#resumeForListeners();
      },
    });
    this.#iterator = iterator;
    this.#resetOnlyConsumer();
    return iterator;
  }

  /** A listener was added by `on()`. It receives the messages in the inbox before newer ones. */
  onListenerAdded(): void {
    if (this.waitingCount === 0 || this.#isDrainDue) return;
    this.#isDrainDue = true;
    this.#runtime.defer(() => this.#drainToListeners());
  }

  #drainToListeners(): void {
    if (this.#isDrainDue) this.finishDraining(true);
  }

  /**
   * Emits the messages in the inbox to listeners, if that is due or in progress. It may be in progress if a listener
   * ends the client: the rest is then emitted before the end.
   */
  finishDraining(isDue: boolean = this.#isDrainDue || this.#isDraining): void {
    if (!isDue) return;
    this.#isDrainDue = false;
    this.#isDraining = true;
    const inbox = this.#ensureInbox();
    // The open iterator also receives these messages, so they stay in the inbox.
    if (this.#iterator !== undefined) this.#emitWithoutRemoving(inbox.waiting);
    else {
      while (this.listeners.hasLasting && inbox.length > 0)
        this.listeners.emitWaiting(inbox.shift()!, this.decoder);
      if (this.#pause.isOn && inbox.isHalfFree) this.#resume();
    }
    this.#isDraining = false;
  }

  #emitWithoutRemoving(waiting: readonly ReceivedMessage<Received>[]): void {
    for (const entry of waiting) {
      if (this.#isOver()) return;
      this.listeners.emitWaiting(entry, this.decoder);
    }
  }

  /**
   * An iterator was closed. Unread messages stay in the inbox, but they no longer pause reading if there are listeners.
   */
  #resumeForListeners(): void {
    if (!this.#pause.isOn || !this.listeners.hasLasting) return;
    this.#inbox?.endReading();
    this.#resume();
  }

  /** The client or the connection closes. Reading continues until the peer's Close frame, even if the inbox is full. */
  beginClosing(): void {
    this.#ensureInbox().beginClosing();
    this.#resume();
  }

  /** The client is being terminated. Drops all messages; readers wait for the end. */
  discard(): void {
    this.#isDiscarding = true;
    this.#resetOnlyConsumer();
    this.#inbox?.clear();
  }

  /** No further message will arrive. Readers receive the remaining messages first, unless `isImmediate` is `true`. */
  finish(end: ReadingEnd, isImmediate: boolean): void {
    if (!isImmediate && this.#handler.hasLeftover === true) {
      this.#pendingEnd = end;
      // No timer may run after the end.
      this.#pause.stopTimer();
      return;
    }
    this.#end = end;
    this.#resetOnlyConsumer();
    this.#resume();
    if (isImmediate) this.#inbox?.clear();
    for (const reader of this.#readers.takeAll()) reader.end(end);
  }

  /** `true` if the end was reached, but messages that arrived before it are not delivered yet. */
  get isEndPending(): boolean {
    return this.#pendingEnd !== undefined;
  }

  /** The last message before the end was delivered. */
  onLeftoversDelivered(): void {
    const end = this.#pendingEnd;
    if (end === undefined) return;
    this.#pause.end();
    this.#pendingEnd = undefined;
    this.#end = end;
    this.#resetOnlyConsumer();
    for (const reader of this.#readers.takeAll()) reader.end(end);
  }

  /** `true` if a call waits or an iterator is open. These report the end to the user. */
  get hasWaitingReader(): boolean {
    return this.#readers.length > 0 || this.#iterator !== undefined;
  }
}
