/**
 * The state of one channel handle: its listeners, buffer, readers and readiness. It does not know connections, and does
 * not subscribe.
 */
import { BufferOverflowError, type CloseReport, type EventMap, InvalidStateError } from "../index.js";
import { type ChannelBounds, ChannelBuffer } from "./channel-buffer.js";
import { ChannelError } from "./errors.js";
import { Listeners } from "./listeners.js";

/** The event objects of a channel, by event name. */
export interface ChannelEventMap<Received> {
  /** A message of the channel was received. */
  message: { readonly data: Received };
  /** The server has accepted the channel. The event is emitted again after each reconnect. */
  ready: object;
  /**
   * The server no longer sends the channel: its last connection has ended, or the server has refused the channel after it
   * had accepted it (`report` is `undefined`). Messages may be missing until the next `ready`. Without the option `replay`
   * of the client, this event is the only sign of missing messages. Before the first `ready`, the event is emitted only if
   * the handle has received a message.
   */
  interrupted: { readonly report: CloseReport | undefined };
  /** Messages of the channel are missing. The event requires the option `replay` of the client. */
  gap: EventMap<Received>["gap"];
  /** Missing messages of the channel were delivered. */
  recovered: EventMap<Received>["recovered"];
  /** The channel continues without its missing messages, or its numbering starts again. */
  reset: EventMap<Received>["reset"];
  /** The buffer of the handle was full, or a message was replaced by a newer one. */
  dropped: { readonly message: Received };
  /** The handle has ended; `error` is `undefined` after `close()`. This is the last event. */
  closed: { readonly error: Error | undefined };
}

const channelEvents: readonly (keyof ChannelEventMap<unknown>)[] = [
  ...(["message", "ready", "interrupted", "gap", "recovered", "reset", "dropped", "closed"] as const),
];

export interface ChannelStateHost {
  /** Removes the handle from its channel. */
  onClosed(state: ChannelState): void;
  reportFunctionError(what: string, thrown: unknown): void;
}

interface Reader {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: Error) => void;
}

const done: IteratorResult<unknown, undefined> = { done: true, value: undefined };

export class ChannelState {
  readonly name: string;
  readonly listeners: Listeners<ChannelEventMap<unknown>>;
  droppedCount = 0;
  readonly #host: ChannelStateHost;
  readonly #buffer: ChannelBuffer;
  #iterator: object | undefined;
  #readers: Reader[] = [];
  /** `"due"` if a `message` listener was added and has not received the buffered messages yet. */
  #drainStep: "due" | "running" | undefined;
  #end: { error: Error | undefined } | undefined;
  #isReady = false;
  /** True if the handle would miss messages after a loss: it is ready, or has received a message before the acknowledgement. */
  #isFollowing = false;
  #ready!: { readonly promise: Promise<void>; resolve(): void; reject(error: Error): void };

  constructor(name: string, bounds: ChannelBounds, host: ChannelStateHost) {
    this.name = name;
    this.#host = host;
    this.#buffer = new ChannelBuffer(bounds);
    this.listeners = new Listeners(channelEvents, (event, thrown) =>
      host.reportFunctionError(`A listener of "${event}" of a channel`, thrown),
    );
    this.#awaitReady();
  }

  #awaitReady(): void {
    let resolve!: () => void;
    let reject!: (error: Error) => void;
    const promise = new Promise<void>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    // The application may not use `ready` at all.
    promise.catch(() => undefined);
    this.#ready = { promise, resolve, reject };
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  get bufferedCount(): number {
    return this.#buffer.length;
  }

  /** @param report - The end of the connection that made the channel unready. */
  setReady(isReady: boolean, report?: CloseReport): void {
    if (this.#end !== undefined) return;
    const wasReady = this.#isReady;
    const wasFollowing = this.#isFollowing;
    this.#isReady = this.#isFollowing = isReady;
    if (isReady && !wasReady) {
      this.#ready.resolve();
      this.listeners.emit("ready", {});
    }
    if (!isReady && wasReady) this.#awaitReady();
    if (!isReady && wasFollowing) this.listeners.emit("interrupted", { report });
  }

  /** @param size - The size of the payload in bytes. */
  deliver(message: unknown, size: number): void {
    if (this.#end !== undefined) return;
    this.#isFollowing = true;
    if (this.#drainStep !== undefined) {
      this.#keep(message, size);
      return;
    }
    const hasListener = this.listeners.has("message");
    if (hasListener) {
      this.listeners.emit("message", { data: message });
      // The listener may have closed the handle.
      if (this.#iterator === undefined || this.isClosed) return;
    }
    const reader = this.#readers.shift();
    if (reader === undefined) this.#keep(message, size);
    else reader.resolve({ done: false, value: message });
  }

  #keep(message: unknown, size: number): void {
    let result: ReturnType<ChannelBuffer["push"]>;
    try {
      result = this.#buffer.push(message, size);
    } catch (thrown) {
      this.#host.reportFunctionError("The option buffer.keyOf", thrown);
      this.#drop(message);
      return;
    }
    if (result !== "error") {
      for (const dropped of result) this.#drop(dropped);
      return;
    }
    this.#drop(message);
    this.close(
      new BufferOverflowError(
        `The buffer of the channel ${JSON.stringify(this.name)} is full: it contains ${this.#buffer.length} messages. Read ` +
          `faster, set a larger buffer, or set another buffer.overflow.`,
      ),
    );
  }

  #drop(message: unknown): void {
    this.droppedCount++;
    this.listeners.emit("dropped", { message });
  }

  /** Emits an event that the client emitted for the stream of the channel. */
  emit<Name extends "gap" | "recovered" | "reset">(name: Name, event: ChannelEventMap<unknown>[Name]): void {
    if (this.#end === undefined) this.listeners.emit(name, event);
  }

  /** A `message` listener was added. It receives the buffered messages before newer messages. */
  onListenerAdded(): void {
    if (this.#drainStep !== undefined || this.#buffer.length === 0) return;
    this.#drainStep = "due";
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    if (this.#drainStep !== "due") return;
    this.#drainStep = "running";
    if (this.#iterator === undefined) while (this.#drainNext());
    else {
      // The open iterator must receive the messages, too.
      for (const message of this.#buffer.waiting)
        if (!this.isClosed) this.listeners.emit("message", { data: message });
    }
    this.#drainStep = undefined;
  }

  /** @returns `false` if no message waits, or if a listener closed the handle, opened a loop or removed the last listener. */
  #drainNext(): boolean {
    if (this.isClosed || this.#iterator !== undefined || !this.listeners.has("message")) return false;
    const slot = this.#buffer.shift();
    if (slot !== undefined) this.listeners.emit("message", { data: slot.message });
    return slot !== undefined;
  }

  /** Removes the handle from its channel, and ends it. Without an error, listeners receive no further message. */
  close(error?: Error): void {
    if (this.#end !== undefined) return;
    if (error === undefined && this.#drainStep === "due") this.#drainStep = undefined;
    this.end(error);
    this.#host.onClosed(this);
  }

  /** Ends the handle. Readers, and listeners that wait for buffered messages, receive the buffered messages first. */
  end(error: Error | undefined): void {
    this.#drain();
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#isReady = false;
    this.#ready.reject(
      error ??
        new ChannelError(
          `The channel ${JSON.stringify(this.name)} was closed before the server accepted it.`,
          {
            code: "CLOSED",
            channel: this.name,
          },
        ),
    );
    const readers = this.#readers;
    this.#readers = [];
    const [first, ...others] = readers;
    if (first !== undefined) this.#endReader(first);
    for (const reader of others) reader.resolve(done);
    this.listeners.emit("closed", { error });
  }

  /** Ends a reader with the error of the channel. Only one reader receives the error. */
  #endReader(reader: Reader): void {
    const error = this.#end?.error;
    this.#end = { error: undefined };
    if (error === undefined) reader.resolve(done);
    else reader.reject(error);
  }

  /** Opens the iterator. Only one can be open at a time, because each message is delivered to one loop only. */
  iterate(): AsyncIterableIterator<unknown> {
    const isBusy = this.#iterator !== undefined;
    const iterator: AsyncIterableIterator<unknown, undefined> = {
      next: () => (isBusy ? Promise.reject(this.#busyError()) : this.#next(iterator)),
      return: () => {
        if (this.#iterator === iterator) this.#leave();
        return Promise.resolve(done as IteratorReturnResult<undefined>);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    if (!isBusy) this.#iterator = iterator;
    return iterator;
  }

  #busyError(): InvalidStateError {
    return new InvalidStateError(
      `Another loop is open on this handle of the channel ${JSON.stringify(this.name)}. Leave it first, or open the ` +
        `channel a second time.`,
      this.#end === undefined ? "open" : "closed",
    );
  }

  #next(iterator: object): Promise<IteratorResult<unknown, undefined>> {
    // A listener that waits for the buffered messages must receive them, too.
    this.#drain();
    if (this.#iterator !== iterator) return Promise.resolve(done);
    const slot = this.#buffer.shift();
    if (slot !== undefined) return Promise.resolve({ done: false, value: slot.message });
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      if (this.#end === undefined) this.#readers.push(reader);
      else this.#endReader(reader);
    });
  }

  #leave(): void {
    this.#iterator = undefined;
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) reader.resolve(done);
    if (this.listeners.has("message")) this.onListenerAdded();
  }
}
