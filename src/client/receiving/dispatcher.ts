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
import { MessageHandlers } from "./message-handlers.js";
import { type IteratorSource, MessageIterator } from "./message-iterator.js";
import type { Reader, ReadingEnd } from "./reader.js";
import { InboxReader, type InboxReaderHost } from "./inbox-reader.js";
import { ReaderQueue } from "./reader-queue.js";
import { ReadingPause, type ReadingPauseHandler } from "./reading-pause.js";
import { Decoder, isUndecodable } from "./decoder.js";
import { decoded, type ReceivedMessage, detachedCopy, undecoded } from "./received-message.js";
import type { DispatcherHandler } from "./dispatcher-handler.js";

/** Behind so many bytes that wait, messages wait as they came: a value may take many times the memory of its text. */
const maxDecodedBytes = 64 * 1024;

/** Of those that wait in a crowd one in so many is measured: to read the clock takes longer than all else that is done for it. */
const takesPerMeasure = 16;

/** Brings received messages to handlers, to `recv()` and to iterators, so that none is lost between two of them. */
export class Dispatcher<Received>
  implements ReadingPauseHandler, ListenerListWatcher, InboxReaderHost<Received>
{
  readonly handlers: MessageHandlers<Received>;
  /** What it cannot decode goes to who listens for raw messages all the same. */
  readonly decoder: Decoder<Received>;
  readonly #runtime: Runtime;
  readonly #handler: DispatcherHandler;
  readonly #bounds: ResolvedOptions<Received, never>["buffer"];
  readonly #pause: ReadingPause;
  /** From the first message on that waits, or the first who reads: a client whose messages go to handlers has none. */
  #inbox: Inbox<ReceivedMessage<Received>> | undefined;
  readonly #readers = new ReaderQueue<Received>();
  readonly #taking: InboxReader<Received> = new InboxReader<Received>(this.#readers, this);
  /** The loop that is open, over messages or over batches of them. */
  #iterator: object | undefined;
  #batch: Batch<Received> | undefined;
  #end: ReadingEnd | undefined;
  /** The end that readers are told once the messages before it are delivered. */
  #pendingEnd: ReadingEnd | undefined;
  #isDiscarding = false;
  #isDrainDue = false;
  #isDraining = false;
  /** Who alone is to have messages: what was found out of it, until that may have changed, for it is asked for each of them. */
  #onlyListeners: ListenerList<EventMap<Received>["message"]> | undefined;
  #onlyBatch: Batch<Received> | undefined;
  /** `recv()` was called. */
  #hasReceived = false;
  /** No life has begun yet. */
  #isIdle = true;
  #takeCount = 0;

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
    this.handlers = new MessageHandlers(emitter, this);
    this.decoder = new Decoder(options.deserializer, (data, error) => handler.onUndecodable(data, error));
    this.#pause = new ReadingPause(runtime, this);
    this.#handler = handler;
    this.#bounds = options.buffer;
  }

  #keeping(): Inbox<ReceivedMessage<Received>> {
    return (this.#inbox ??= new Inbox(this.#bounds, (entry) => {
      if (this.decoder.complete(entry)) this.#drop(entry.value, this.#isOver() ? "closed" : "overflow");
    }));
  }

  #drop(message: unknown, cause: DroppedEvent["cause"]): void {
    this.#handler.onDropped({ direction: "in", message, cause });
  }

  /** How many messages wait. */
  get waitingCount(): number {
    return this.#inbox?.length ?? 0;
  }

  /** Nothing that comes now is given to anybody who reads. */
  #isOver(): boolean {
    return this.#end !== undefined || this.#isDiscarding;
  }

  /** A life begins: what the last one has left is still given, then what comes. */
  begin(): void {
    this.#isIdle = false;
    this.#end = undefined;
    this.#pendingEnd = undefined;
    this.#isDiscarding = false;
    this.#inbox?.reopen();
    // The end of the last life has stopped the timer of its pause.
    if (this.#pause.isOn) this.#pause.begin();
    if (this.isWaitedFor) this.#keeping().beginReading();
  }

  /** A message that is decoded only where somebody wants its value. */
  receive(data: string | Buffer, size: number, at: number): void {
    if (this.#onlyListeners === undefined && !this.#isForBatchAlone() && !this.#isForMessageHandlersAlone()) {
      this.#dispatch(data, size, at);
      return;
    }
    const value = this.decoder.decode(data);
    if (!isUndecodable(value)) this.deliverValue(value, data, size, at);
  }

  #dispatch(data: string | Buffer, size: number, at: number): void {
    if (this.#isDrainDue) this.#drainToHandlers();
    if (!this.#isRead() && !this.handlers.wantValues && this.handlers.hasLasting) {
      this.handlers.emitRaw(data);
      return;
    }
    if (this.#mayWaitAsItCame()) {
      this.#keepAsItCame(data, size, at);
      return;
    }
    const kept = this.#bounds.keyOf === undefined ? data : detachedCopy(data);
    const value = this.decoder.decode(kept);
    if (isUndecodable(value)) this.handlers.emitRaw(kept);
    else this.deliver(decoded(value, kept, size, at));
  }

  /** The common case, and the cheapest: values go to handlers, and to nobody else. */
  #isForMessageHandlersAlone(): boolean {
    if (this.#onlyListeners === undefined && this.handlers.wantValuesAlone && this.#isForHandlersAlone())
      this.#onlyListeners = this.handlers.values;
    return this.#onlyListeners !== undefined;
  }

  #isForBatchAlone(): boolean {
    if (this.#onlyBatch === undefined && this.#mayBeBatchAlone()) this.#onlyBatch = this.#batch;
    return this.#onlyBatch?.isOpen === true;
  }

  #mayBeBatchAlone(): boolean {
    return this.#readers.length === 0 && this.#mayJoinBatch() && this.handlers.isEmpty;
  }

  onListenersChanged(): void {
    this.#reconsider();
  }

  /** Who is to have messages may be others from now on. */
  #reconsider(): void {
    this.#onlyListeners = undefined;
    this.#onlyBatch = undefined;
  }

  /** What comes now may be lent, for nobody wants it but handlers who ask for no more than a look. */
  get isLending(): boolean {
    return this.handlers.wantLoansAlone && this.#isForHandlersAlone();
  }

  #isForHandlersAlone(): boolean {
    return !this.#isRead() && !this.#isDrainDue && !this.#isDiscarding;
  }

  #mayWaitAsItCame(): boolean {
    if (this.#inbox === undefined || this.#inbox.bytes < maxDecodedBytes) return false;
    if (this.#readers.length > 0) return false;
    return this.#bounds.keyOf === undefined && !this.#isOver() && !this.handlers.wantValues;
  }

  #keepAsItCame(data: string | Buffer, size: number, at: number): void {
    this.handlers.emitRaw(data);
    const entry = undecoded<Received>(data, size, at);
    if (this.handlers.hasLasting) this.handlers.markDelivered(entry);
    this.#give(entry);
  }

  /** Brings a message that came over a connection to all who are to have it; for handlers or a batch alone no more is made of it. */
  deliverValue(value: Received, data: string | Buffer, size: number, at: number): void {
    const topic = this.#onlyListeners;
    if (topic !== undefined) topic.emit({ data: value });
    else if (this.#onlyBatch?.add(value, size) !== true) this.#deliverElsewhere(value, data, size, at);
  }

  #deliverElsewhere(value: Received, data: string | Buffer, size: number, at: number): void {
    if (this.#onlyBatch === undefined && this.#isForBatchAlone() && this.#batch!.add(value, size)) return;
    if (this.#isForMessageHandlersAlone()) this.handlers.emitValue(value);
    else this.deliver(decoded(value, data, size, at));
  }

  /** Brings a message to all who are to have it. */
  deliver(entry: ReceivedMessage<Received>): void {
    if (this.#isDiscarding) {
      this.#drop(entry.value, "closed");
      return;
    }
    if (this.#isDrainDue) this.#drainToHandlers();
    const isRead = this.#isRead();
    const isHandled = this.handlers.emit(entry);
    // Beside handlers, a recv() that waits for another message does not make this one wait in the inbox.
    if (!isHandled || isRead) this.#give(entry, !isHandled || this.#iterator !== undefined);
  }

  /** An iterator is open, or a call waits. */
  #isRead(): boolean {
    return this.#iterator !== undefined || this.#readers.length > 0;
  }

  /** What waits in the inbox is read before what a batch may be given. */
  #mayJoinBatch(): boolean {
    return this.#batch?.isOpen === true && this.waitingCount === 0 && !this.#isOver();
  }

  /** @param isKept - It waits in the inbox where no reader accepts it. */
  #give(entry: ReceivedMessage<Received>, isKept: boolean = true): void {
    const reader = this.#readers.take(entry.value);
    if (reader !== undefined) {
      reader.resolve(entry.value);
      return;
    }
    if (this.#mayJoinBatch() && this.#batch!.add(entry.value, entry.size)) return;
    if (this.#isOver()) {
      this.#drop(entry.value, "closed");
      return;
    }
    if (!isKept) return;
    const { keyOf } = this.#bounds;
    const entered = this.#readers.enteredCount;
    if (keyOf !== undefined) entry.key = computeKey(keyOf, entry.value, this.#handler);
    const demand = this.#keeping().push(entry);
    // A `keyOf` that reads waits already, and this message is the next one.
    if (this.#readers.enteredCount !== entered) this.#taking.serve();
    if (demand === "pause") this.#beginPause();
    else if (demand === "fail") this.#handler.onInboxFull();
  }

  #beginPause(): void {
    if (this.#pause.isOn) return;
    this.#pause.begin();
    if (this.isEndPending) this.#pause.stopTimer();
    // A listener of `paused` may read, and so end the pause inside this call.
    this.#handler.onPaused();
    if (this.isPaused) this.#readers.rejectFiltered(this.#matchOverflow());
  }

  #matchOverflow(): BufferOverflowError {
    return new BufferOverflowError(
      `recv({ match }) accepts none of the ${this.waitingCount} messages that fill the inbox (buffer), and reading is paused until ` +
        `they are read. Read the other messages beside it, give a larger buffer, or another buffer.overflow.`,
    );
  }

  // Called by its pause.

  wasRead(): boolean {
    const wasRead = this.#hasReceived || this.#iterator !== undefined;
    this.#hasReceived = false;
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

  /** Resolves when the inbox has room again. */
  untilReadable(): Promise<void> {
    return this.#pause.untilOver();
  }

  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  /** What waits to be read, oldest first. */
  get waiting(): readonly ReceivedMessage<Received>[] {
    return this.#inbox?.waiting ?? [];
  }

  recv(options: RecvOptions<Received> | undefined): Promise<Received> {
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    this.#hasReceived = true;
    const match = options?.match;
    if (match !== undefined) return this.#recvMatching(options, match);
    const entry = this.#taking.next();
    if (entry !== undefined) return Promise.resolve(entry.value);
    return this.#waitForMessage(options, undefined);
  }

  #recvMatching(
    options: RecvOptions<Received> | undefined,
    match: (message: Received) => boolean,
  ): Promise<Received> {
    try {
      const entry = this.#taking.matching(match);
      if (entry !== undefined) return Promise.resolve(entry.value);
    } catch (error) {
      return rejected(error);
    }
    // Nobody may be about to read: a call that waited could wait without end.
    if (this.#pause.isOn) return rejected(this.#matchOverflow());
    return this.#waitForMessage(options, match);
  }

  #waitForMessage(
    options: RecvOptions<Received> | undefined,
    match: ((message: Received) => boolean) | undefined,
  ): Promise<Received> {
    const end = this.#taking.endFor(this.#end);
    if (end !== undefined) return rejected(end.recvError);
    const wait = new Wait<Received>(this.#runtime, "recv", options, () => this.#forget(reader));
    const reject = (reason: unknown): void => wait.reject(reason);
    const reader: Reader<Received> = {
      filter: match === undefined ? undefined : { match, reject },
      resolve: (value) => wait.resolve(value),
      end: (end) => reject(end.recvError),
    };
    this.#enter(reader);
    return wait.promise;
  }

  #enter(reader: Reader<Received>): void {
    this.#readers.enter(reader);
    this.#reconsider();
    if (this.#isIdle) this.#handler.onIdleWait(1);
  }

  #forget(reader: Reader<Received>): void {
    if (this.#readers.leave(reader) && this.#isIdle) this.#handler.onIdleWait(-1);
  }

  // Called by its taking.

  endReaders(): void {
    if (this.#end !== undefined) for (const reader of this.#readers.takeAll()) reader.end(this.#end);
  }

  get inbox(): Inbox<ReceivedMessage<Received>> {
    return this.#keeping();
  }

  onTaken(entry: ReceivedMessage<Received> | undefined): void {
    const inbox = this.#keeping();
    if (entry !== undefined && this.#isMeasured(inbox))
      this.#handler.onConsumed(this.#runtime.now() - entry.at);
    if (this.#pause.isOn && inbox.isHalfFree) this.#resume();
  }

  #isMeasured(inbox: Inbox<ReceivedMessage<Received>>): boolean {
    return inbox.length < takesPerMeasure || ++this.#takeCount % takesPerMeasure === 0;
  }

  /** `undefined` where a loop is open. */
  iterate(): AsyncIterableIterator<Received> | undefined {
    return this.#open({ take: () => this.#taking.next(), itemOf: (first) => first });
  }

  /** As {@link iterate}, by what one read has brought, or what waits. */
  iterateBatches(): AsyncIterableIterator<readonly Received[]> | undefined {
    const batch = (this.#batch ??= new Batch(this.#bounds.maxBytes));
    return this.#open({ take: () => this.#taking.all(), itemOf: (first) => batch.begin(first) });
  }

  #open<Item>(
    kind: Pick<IteratorSource<Received, Item>, "take" | "itemOf">,
  ): MessageIterator<Received, Item> | undefined {
    if (this.#iterator !== undefined) return undefined;
    this.#keeping().beginReading();
    const iterator = new MessageIterator<Received, Item>({
      ...kind,
      ended: () => this.#taking.endFor(this.#end),
      wait: (reader) => this.#enter(reader),
      onReturn: (readers) => {
        this.#iterator = undefined;
        for (const reader of readers) this.#forget(reader);
        this.#resumeForHandlers();
      },
    });
    this.#iterator = iterator;
    this.#reconsider();
    return iterator;
  }

  /** A lasting handler was added: what waits goes to it, before anything newer. */
  onHandlerAdded(): void {
    if (this.waitingCount === 0 || this.#isDrainDue) return;
    this.#isDrainDue = true;
    this.#runtime.defer(() => this.#drainToHandlers());
  }

  #drainToHandlers(): void {
    if (this.#isDrainDue) this.finishDraining(true);
  }

  /** Gives handlers what waits, if that is due or under way: a handler may end the client, and no message may come after that end. */
  finishDraining(isDue: boolean = this.#isDrainDue || this.#isDraining): void {
    if (!isDue) return;
    this.#isDrainDue = false;
    this.#isDraining = true;
    const inbox = this.#keeping();
    // The open loop gets it too, so it goes on waiting.
    if (this.#iterator !== undefined) this.#emitWaitingBesideLoop(inbox.waiting);
    else {
      while (this.handlers.hasLasting && inbox.length > 0)
        this.handlers.emitWaiting(inbox.shift()!, this.decoder);
      if (this.#pause.isOn && inbox.isHalfFree) this.#resume();
    }
    this.#isDraining = false;
  }

  #emitWaitingBesideLoop(waiting: readonly ReceivedMessage<Received>[]): void {
    for (const entry of waiting) {
      if (this.#isOver()) return;
      this.handlers.emitWaiting(entry, this.decoder);
    }
  }

  /** The loop was left: what it has not read waits for the next one, and handlers are not kept waiting for that. */
  #resumeForHandlers(): void {
    if (!this.#pause.isOn || !this.handlers.hasLasting) return;
    this.#inbox?.endReading();
    this.#resume();
  }

  /** The end is near: reading goes on to the peer's Close, whatever waits. */
  beginClosing(): void {
    this.#keeping().beginClosing();
    this.#resume();
  }

  /** The end is to come at once: what waits is dropped, and readers wait for it. */
  discard(): void {
    this.#isDiscarding = true;
    this.#reconsider();
    this.#inbox?.clear();
  }

  /** Nothing more comes. Readers are given what waits first, unless `isImmediate`. */
  finish(end: ReadingEnd, isImmediate: boolean): void {
    if (!isImmediate && this.#handler.hasLeftover === true) {
      this.#pendingEnd = end;
      // No timer is left after the end.
      this.#pause.stopTimer();
      return;
    }
    this.#end = end;
    this.#reconsider();
    this.#resume();
    if (isImmediate) this.#inbox?.clear();
    for (const reader of this.#readers.takeAll()) reader.end(end);
  }

  /** The end has come, and messages before it are still to be delivered. */
  get isEndPending(): boolean {
    return this.#pendingEnd !== undefined;
  }

  /** The last message before the end is delivered. */
  onLeftoversDelivered(): void {
    const end = this.#pendingEnd;
    if (end === undefined) return;
    this.#pause.end();
    this.#pendingEnd = undefined;
    this.#end = end;
    this.#reconsider();
    for (const reader of this.#readers.takeAll()) reader.end(end);
  }

  /** `true` where a call or an iterator waits, which is told of the end. */
  get isWaitedFor(): boolean {
    return this.#readers.length > 0 || this.#iterator !== undefined;
  }
}
