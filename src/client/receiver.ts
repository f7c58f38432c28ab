import { Inbox } from "../buffer/inbox.js";
import { JetSocketError } from "../errors.js";
import type { Emitter } from "../events/emitter.js";
import type { DroppedEvent, EventMap } from "../events/event-map.js";
import type { Topic } from "../events/topic.js";
import type { Deserializer } from "../options/options.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { Runtime, Timer } from "../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../runtime/wait.js";
import { WaitingLine } from "../runtime/waiting-line.js";
import { MessageIterator } from "./message-iterator.js";
import type { Reader, ReadingEnd } from "./reader.js";

/** A pause of so long in which nobody reads is ended, so that a dead link and the peer's Close are seen. */
const maxIdlePause = 30_000;

/** Behind so many bytes that wait, messages wait as they came: a value may take many times the memory of its text. */
const maxDecodedBytes = 64 * 1024;

/** A message, and as it came for a `rawMessage` handler that is late. */
export interface Entry<Received> {
  /** Of no account before it is decoded. */
  value: Received;
  isDecoded: boolean;
  /** `undefined` for one that did not come over a connection. */
  readonly data: string | Buffer | undefined;
  readonly size: number;
  /** When it came. */
  readonly at: number;
  /** By which another may take its place. */
  key?: unknown;
  /** Handlers up to this id have had it already; 0 where none has. */
  heardById: number;
}

function undecoded<Received>(data: string | Buffer, size: number, at: number): Entry<Received> {
  return { value: undefined as Received, isDecoded: false, data, size, at, key: undefined, heardById: 0 };
}

export interface ReceiverHandler {
  pause(): void;
  resume(): void;
  /** The inbox is full, and its owner wants an end rather than a loss. */
  onOverflow(): void;
  onDropped(event: DroppedEvent): void;
  onError(error: Error): void;
  /** A message has waited so many milliseconds for its reader. */
  onConsumed(waited: number): void;
}

/** Brings received messages to handlers, to `recv()` and to iterators, so that none is lost between two of them. */
export class Receiver<Received> {
  readonly #runtime: Runtime;
  readonly #emitter: Emitter<EventMap<Received>>;
  readonly #messages: Topic<EventMap<Received>["message"]>;
  readonly #rawMessages: Topic<EventMap<Received>["rawMessage"]>;
  readonly #deserializer: Deserializer<Received>;
  readonly #handler: ReceiverHandler;
  readonly #keyOf: ((message: Received) => unknown) | undefined;
  readonly #inbox: Inbox<Entry<Received>>;
  readonly #readers: WaitingLine<Reader<Received>> = new WaitingLine();
  #iterator: MessageIterator<Received> | undefined;
  #end: ReadingEnd | undefined;
  #isDiscarding = false;
  #isPaused = false;
  #isDrainDue = false;
  #idleTimer: Timer | undefined;
  #isReferenced = true;
  #recvCount = 0;
  #whenReadable: (() => void)[] = [];

  constructor(
    runtime: Runtime,
    emitter: Emitter<EventMap<Received>>,
    options: {
      readonly deserializer: Deserializer<Received>;
      readonly buffer: ResolvedOptions<Received, never>["buffer"];
    },
    handler: ReceiverHandler,
  ) {
    this.#runtime = runtime;
    this.#emitter = emitter;
    this.#messages = emitter.topic("message");
    this.#rawMessages = emitter.topic("rawMessage");
    this.#deserializer = options.deserializer;
    this.#handler = handler;
    this.#keyOf = options.buffer.keyOf;
    this.#inbox = new Inbox(options.buffer, (entry) =>
      this.#dropWaiting(entry, this.#isOver ? "closed" : "overflow"),
    );
  }

  #dropWaiting(entry: Entry<Received>, cause: DroppedEvent["cause"]): void {
    if (this.#decodeLate(entry)) this.#drop(entry.value, cause);
  }

  #drop(message: unknown, cause: DroppedEvent["cause"]): void {
    this.#handler.onDropped({ direction: "in", message, cause });
  }

  /** How many messages wait. */
  get waitingCount(): number {
    return this.#inbox.length;
  }

  /** Nothing that comes now is given to anybody who reads. */
  get #isOver(): boolean {
    return this.#end !== undefined || this.#isDiscarding;
  }

  /** A life begins: what the last one has left is still given, then what comes. */
  begin(): void {
    this.#end = undefined;
    this.#isDiscarding = false;
    this.#inbox.reopen();
    if (this.isWaitedFor) this.#inbox.beginReading();
  }

  /** A message that is decoded only where somebody wants its value. */
  receive(data: string | Buffer, size: number, at: number): void {
    if (this.#isForMessageHandlersAlone) {
      this.#tellMessageHandlers(data);
      return;
    }
    if (this.#isDrainDue) this.#drainToHandlers();
    const isWanted = this.#isRead || !this.#messages.isEmpty || !this.#hasHandler;
    if (!isWanted) {
      this.tellRaw(data);
      return;
    }
    if (this.#mayWaitAsItCame) {
      this.#keepAsItCame(data, size, at);
      return;
    }
    const entry = this.decode(data, size, at);
    if (entry !== undefined) this.deliver(entry);
  }

  /** The common case, and the cheapest: what comes goes through, and nothing is kept of it. */
  get #isForMessageHandlersAlone(): boolean {
    if (!this.#messages.hasLasting || !this.#rawMessages.isEmpty) return false;
    return !this.#isRead && !this.#isDrainDue && !this.#isDiscarding;
  }

  #tellMessageHandlers(data: string | Buffer): void {
    let value: Received;
    try {
      value = this.#deserializer(data, typeof data !== "string");
    } catch (error) {
      this.#onDecodeFailed(data, error);
      return;
    }
    this.#messages.emit({ data: value });
  }

  get #mayWaitAsItCame(): boolean {
    if (this.#inbox.bytes < maxDecodedBytes || this.#readers.length > 0) return false;
    return this.#keyOf === undefined && !this.#isOver && this.#messages.isEmpty;
  }

  #keepAsItCame(data: string | Buffer, size: number, at: number): void {
    this.tellRaw(data);
    const entry = undecoded<Received>(data, size, at);
    if (this.#hasHandler) entry.heardById = this.#emitter.lastId;
    this.#give(entry);
  }

  /** @returns `false` where the deserializer throws, which is told. */
  #decodeLate(entry: Entry<Received>): boolean {
    if (entry.isDecoded) return true;
    const data = entry.data!;
    try {
      entry.value = this.#deserializer(data, typeof data !== "string");
      entry.isDecoded = true;
      return true;
    } catch (error) {
      this.#onDecodeFailed(data, error);
      return false;
    }
  }

  /** `undefined` where the deserializer throws: that is told, and who listens for raw messages gets it all the same. */
  decode(data: string | Buffer, size: number, at: number): Entry<Received> | undefined {
    const entry = undecoded<Received>(data, size, at);
    if (this.#decodeLate(entry)) return entry;
    this.tellRaw(data);
    return undefined;
  }

  tellRaw(data: string | Buffer): void {
    if (!this.#rawMessages.isEmpty) this.#rawMessages.emit({ data, isBinary: typeof data !== "string" });
  }

  /** Brings a message to all who are to have it. */
  deliver(entry: Entry<Received>): void {
    if (this.#isDiscarding) {
      this.#drop(entry.value, "closed");
      return;
    }
    if (this.#isDrainDue) this.#drainToHandlers();
    const hasHandler = this.#hasHandler;
    const isRead = this.#isRead;
    if (entry.data !== undefined) this.tellRaw(entry.data);
    if (hasHandler) entry.heardById = this.#emitter.lastId;
    this.#messages.emit({ data: entry.value });
    if (!hasHandler || isRead) this.#give(entry);
  }

  /** An iterator is open, or a call waits. */
  get #isRead(): boolean {
    return this.#iterator !== undefined || this.#readers.length > 0;
  }

  get #hasHandler(): boolean {
    return this.#messages.hasLasting || this.#rawMessages.hasLasting;
  }

  #onDecodeFailed(data: string | Buffer, cause: unknown): void {
    this.#drop(data, "decode");
    const message =
      "The deserializer threw on a received message; it is the `message` of the `dropped` event.";
    this.#handler.onError(new JetSocketError(message, { code: "DECODE_FAILED", cause }));
  }

  #give(entry: Entry<Received>): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve(entry.value);
      return;
    }
    if (this.#isOver) {
      this.#drop(entry.value, "closed");
      return;
    }
    if (this.#keyOf !== undefined) entry.key = this.#askForKey(this.#keyOf, entry.value);
    const demand = this.#inbox.push(entry);
    if (demand === "pause") this.#pause();
    else if (demand === "fail") this.#handler.onOverflow();
  }

  #askForKey(keyOf: (message: Received) => unknown, value: Received): unknown {
    try {
      return keyOf(value);
    } catch (cause) {
      const message = "buffer.keyOf has thrown: this message has no key.";
      this.#handler.onError(new JetSocketError(message, { code: "BUFFER_FUNCTION_FAILED", cause }));
      return undefined;
    }
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#watchIdlePause();
    // A listener of `paused` may read, and so end the pause inside this call.
    this.#handler.pause();
  }

  #watchIdlePause(): void {
    const recvCount = this.#recvCount;
    this.#idleTimer = this.#runtime.setTimer(maxIdlePause, () => {
      if (this.#iterator !== undefined || this.#recvCount !== recvCount) {
        this.#watchIdlePause();
        return;
      }
      this.#inbox.endReading();
      this.#resume();
    });
    if (!this.#isReferenced) this.#idleTimer.unref();
  }

  /** Lets the process live while the reading is paused: the default. */
  ref(): void {
    this.#isReferenced = true;
    this.#idleTimer?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#idleTimer?.unref();
  }

  #resume(): void {
    this.#idleTimer?.clear();
    this.#idleTimer = undefined;
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const tell of this.#whenReadable.splice(0)) tell();
    this.#handler.resume();
  }

  /** Resolves when the inbox has room again. */
  untilReadable(): Promise<void> {
    if (!this.#isPaused) return Promise.resolve();
    return new Promise((resolve) => this.#whenReadable.push(resolve));
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** What waits to be read, oldest first. */
  get waiting(): readonly Entry<Received>[] {
    return this.#inbox.waiting;
  }

  recv(options: WaitOptions | undefined): Promise<Received> {
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    this.#recvCount++;
    const entry = this.#take();
    if (entry !== undefined) return Promise.resolve(entry.value);
    if (this.#end !== undefined) return rejected(this.#end.recvError);
    const wait = new Wait<Received>(this.#runtime, "recv", options, () => this.#forget(reader));
    const reader: Reader<Received> = {
      resolve: (value) => wait.resolve(value),
      end: (end) => wait.reject(end.recvError),
    };
    this.#enter(reader);
    return wait.promise;
  }

  #enter(reader: Reader<Received>): void {
    reader.place = this.#readers.enter(reader);
  }

  #forget(reader: Reader<Received>): void {
    if (reader.place !== undefined) this.#readers.leave(reader.place);
  }

  /** Takes the next message that waits; from the first call on the overflow policy applies. */
  #take(): Entry<Received> | undefined {
    this.#inbox.beginReading();
    let entry = this.#inbox.shift();
    while (entry !== undefined && !this.#decodeLate(entry)) entry = this.#inbox.shift();
    if (entry !== undefined) this.#handler.onConsumed(this.#runtime.now() - entry.at);
    if (this.#isPaused && this.#inbox.isHalfFree) this.#resume();
    return entry;
  }

  /** `undefined` where an iterator is open. */
  iterate(): MessageIterator<Received> | undefined {
    if (this.#iterator !== undefined) return undefined;
    this.#inbox.beginReading();
    this.#iterator = new MessageIterator<Received>({
      take: () => this.#take(),
      ended: () => this.#end,
      wait: (reader) => this.#enter(reader),
      onReturn: (readers) => {
        this.#iterator = undefined;
        for (const reader of readers) this.#forget(reader);
        this.#goOnForHandlers();
      },
    });
    return this.#iterator;
  }

  /** A lasting handler was added: what waits goes to it, before anything newer. */
  onHandlerAdded(): void {
    if (this.#inbox.length === 0 || this.#isDrainDue) return;
    this.#isDrainDue = true;
    this.#runtime.defer(() => this.#drainToHandlers());
  }

  #drainToHandlers(): void {
    if (!this.#isDrainDue) return;
    this.#isDrainDue = false;
    if (this.#iterator !== undefined) {
      // The open loop gets it too, so it goes on waiting.
      for (const entry of this.#inbox.waiting) this.#tellHandlers(entry);
      return;
    }
    while (this.#hasHandler && this.#inbox.length > 0) this.#tellHandlers(this.#inbox.shift()!);
    if (this.#isPaused && this.#inbox.isHalfFree) this.#resume();
  }

  #tellHandlers(entry: Entry<Received>): void {
    const { data, heardById } = entry;
    entry.heardById = this.#emitter.lastId;
    if (data !== undefined) this.#rawMessages.emit({ data, isBinary: typeof data !== "string" }, heardById);
    if (!this.#messages.isEmpty && this.#decodeLate(entry))
      this.#messages.emit({ data: entry.value }, heardById);
  }

  /** The loop was left: what it has not read waits for the next one, and handlers are not kept waiting for that. */
  #goOnForHandlers(): void {
    if (!this.#isPaused || !this.#hasHandler) return;
    this.#inbox.endReading();
    this.#resume();
  }

  /** The end is near: reading goes on to the peer's Close, whatever waits. */
  beginClosing(): void {
    this.#inbox.beginClosing();
    this.#resume();
  }

  /** The end is to come at once: what waits is dropped, and readers wait for it. */
  discard(): void {
    this.#isDiscarding = true;
    this.#inbox.clear();
  }

  /** Nothing more comes. Readers are given what waits first, unless `isImmediate`. */
  finish(end: ReadingEnd, isImmediate: boolean): void {
    this.#end = end;
    this.#resume();
    if (isImmediate) this.#inbox.clear();
    for (const reader of this.#readers.takeAll()) reader.end(end);
  }

  /** `true` where a call or an iterator waits, which is told of the end. */
  get isWaitedFor(): boolean {
    return this.#readers.length > 0 || this.#iterator !== undefined;
  }
}
