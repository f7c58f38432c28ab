import { headerSizeFor, type ProtocolConnection } from "../../protocol/index.js";
import { BufferOverflowError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../runtime/wait.js";
import { type Place, WaitingLine } from "../runtime/waiting-line.js";
import { TurnGate } from "./turn-gate.js";

export interface SendMarks {
  /** Above so many bytes messages wait to be framed. */
  readonly highWaterMark: number;
  /** At so many bytes `onDrain` comes. */
  readonly lowWaterMark: number;
  /** Above so many bytes messages are refused. */
  readonly maxBufferedAmount: number;
}

export interface MessageOptions extends WaitOptions {
  /** Compresses this message or not, whatever its size. Default: by `compressionThreshold`. */
  readonly compress?: boolean | undefined;
}

/** A message whose content is still to be read, such as that of a Blob. */
export class PendingMessage {
  readonly source: object;
  readonly size: number;
  readonly read: () => Promise<string | Uint8Array>;

  constructor(source: object, size: number, read: () => Promise<string | Uint8Array>) {
    this.source = source;
    this.size = size;
    this.read = read;
  }
}

/** What can be sent as one message. */
export type Sendable = string | Uint8Array | PendingMessage;

interface Entry {
  /** A pending message while it is being read. */
  data: Sendable;
  readonly size: number;
  readonly options: MessageOptions | undefined;
  readonly wait: Wait;
  /** Calls of `flush()` that wait for this message and those before it. */
  readonly flushes: Wait[];
}

export interface SendQueueHandler {
  /** The protocol has output. */
  onFramed(): void;
  /** What waits has fallen to the low-water mark. */
  onDrain(): void;
  /** A message was refused or withdrawn; its caller's promise rejects with the same error. */
  onRefused(error: unknown): void;
}

/**
 * Messages on their way to the protocol. Below the high-water mark they are framed at the call; above it, or behind
 * a message that is still being read, they wait here in the order of the calls, and can still be withdrawn.
 */
export class SendQueue {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #marks: SendMarks;
  readonly #handler: SendQueueHandler;
  readonly #gate: TurnGate;
  readonly #entries: WaitingLine<Entry> = new WaitingLine();
  #waitingSize = 0;
  #acceptedCount = 0;
  /** Sends whose message is framed and that wait for the mark. */
  #aboveMark: Wait[] = [];
  readonly #flushes: WaitingLine<{ readonly target: number; readonly wait: Wait }> = new WaitingLine();
  #isDrainDue = false;
  #isPumping = false;

  constructor(protocol: ProtocolConnection, runtime: Runtime, marks: SendMarks, handler: SendQueueHandler) {
    this.#protocol = protocol;
    this.#runtime = runtime;
    this.#marks = marks;
    this.#handler = handler;
    this.#gate = new TurnGate(runtime);
  }

  /** The bytes that the kernel has not taken, framing included. */
  get bufferedAmount(): number {
    return this.#protocol.bufferedSize + this.#waitingSize;
  }

  /** How many messages were accepted and not withdrawn. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** @returns A promise that resolves once the message is accepted and what waits is below the high-water mark. */
  send(data: Sendable, options: MessageOptions | undefined): Promise<void> {
    if (options?.signal?.aborted === true) return this.#refuse(options.signal.reason);
    if (this.#exceedsBound(data)) return this.#refuse(this.#overflow(data));
    if (!this.#isOpenFor(data)) return this.#enqueue(data, options).promise;
    const size = this.#frame(data, options);
    this.#acceptedCount++;
    // What shrinks well takes its time all the same.
    const work = Math.max(size, data.length);
    if (this.#protocol.bufferedSize < this.#marks.highWaterMark) return this.#gate.pass(work);
    // The message is on its way whatever becomes of the wait: only the caller is let go.
    const wait = new Wait(this.#runtime, "send", options, (reason) => this.#handler.onRefused(reason));
    this.#aboveMark.push(wait);
    return wait.promise;
  }

  #refuse(reason: unknown): Promise<never> {
    this.#handler.onRefused(reason);
    return rejected(reason);
  }

  /** Sends without waiting: `true` where the message is framed, `false` where it waits, `undefined` where it is refused. */
  trySend(data: Sendable, options: MessageOptions | undefined): boolean | undefined {
    if (this.#exceedsBound(data)) return undefined;
    if (this.#isOpenFor(data)) {
      this.#frame(data, options);
      this.#acceptedCount++;
      return true;
    }
    this.#enqueue(data, options);
    return false;
  }

  /** Resolves when all that was accepted before the call is with the kernel. */
  flush(options: WaitOptions | undefined): Promise<void> {
    const wait = new Wait(this.#runtime, "flush", options);
    this.#flushBehind(this.#entries.last, [wait]);
    return wait.promise;
  }

  /** @param entry - What is to be framed first; `undefined` where all of it is. */
  #flushBehind(entry: Entry | undefined, waits: readonly Wait[]): void {
    const target = this.#protocol.framedCount;
    for (const wait of waits) {
      if (entry === undefined) this.#flushes.enter({ target, wait });
      else entry.flushes.push(wait);
    }
    if (entry === undefined) this.#settleFlushes();
  }

  #isOpenFor(data: Sendable): data is string | Uint8Array {
    const isBelowMark = this.#protocol.bufferedSize < this.#marks.highWaterMark;
    return isBelowMark && this.#entries.length === 0 && !(data instanceof PendingMessage);
  }

  /** One message larger than the bound passes where nothing waits. */
  #exceedsBound(data: Sendable): boolean {
    const waiting = this.bufferedAmount;
    if (waiting === 0) return false;
    // A character takes at most three bytes: the exact size is only asked for near the bound.
    const most = typeof data === "string" ? data.length * 3 : sizeOf(data);
    const { maxBufferedAmount } = this.#marks;
    return waiting + most > maxBufferedAmount && waiting + sizeOf(data) > maxBufferedAmount;
  }

  #overflow(data: Sendable): BufferOverflowError {
    return new BufferOverflowError(
      `A message of ${sizeOf(data)} bytes was refused: ${this.bufferedAmount} bytes wait to be sent already, and ` +
        `maxBufferedAmount is ${this.#marks.maxBufferedAmount}. Await send(), or stop sending until "drain".`,
    );
  }

  #frame(data: string | Uint8Array, options: MessageOptions | undefined): number {
    const before = this.#protocol.bufferedSize;
    if (typeof data === "string") this.#protocol.text(data, options);
    else this.#protocol.binary(data, options);
    const size = this.#protocol.bufferedSize - before;
    this.#handler.onFramed();
    if (this.#protocol.bufferedSize >= this.#marks.highWaterMark) this.#isDrainDue = true;
    return size;
  }

  #enqueue(data: Sendable, options: MessageOptions | undefined): Wait {
    const size = sizeOf(data);
    const wait = new Wait(this.#runtime, "send", options, (reason) => this.#withdraw(place, reason));
    // The caller may use its bytes again when the call returns.
    const own = data instanceof Uint8Array ? Buffer.from(data) : data;
    const entry: Entry = { data: own, size: size + headerSizeFor(size, true), options, wait, flushes: [] };
    const place = this.#entries.enter(entry);
    this.#waitingSize += entry.size;
    this.#acceptedCount++;
    if (this.bufferedAmount >= this.#marks.highWaterMark) this.#isDrainDue = true;
    if (own instanceof PendingMessage) void this.#read(place, own);
    return wait;
  }

  async #read(place: Place<Entry>, message: PendingMessage): Promise<void> {
    const entry = place.item;
    try {
      entry.data = await message.read();
      this.pump();
    } catch (error) {
      if (!place.isTaken) return;
      entry.wait.reject(error);
      this.#withdraw(place, error);
    }
  }

  /** Takes a message back; one that is framed is on its way, and only its caller is let go. */
  #withdraw(place: Place<Entry>, reason: unknown): void {
    const entry = place.item;
    const before = place.before?.item;
    if (this.#entries.leave(place)) {
      this.#waitingSize -= entry.size;
      this.#acceptedCount--;
      this.#flushBehind(before, entry.flushes);
    }
    this.#handler.onRefused(reason);
    this.pump();
  }

  /** Frames what waits as far as the mark allows, and settles who waited for it. Called after each progress of the socket. */
  pump(): void {
    // What is framed may be written at once, and that progress calls back: the loop goes on by itself.
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#frameWaiting();
    this.#isPumping = false;
    this.#settleFlushes();
    if (this.#isDrainDue && this.bufferedAmount <= this.#marks.lowWaterMark) {
      this.#isDrainDue = false;
      this.#handler.onDrain();
    }
  }

  #frameWaiting(): void {
    while (this.#protocol.bufferedSize < this.#marks.highWaterMark) {
      for (const wait of this.#aboveMark.splice(0)) wait.resolve();
      const entry = this.#entries.first;
      if (entry === undefined || entry.data instanceof PendingMessage || this.#protocol.state !== "open")
        return;
      this.#entries.shift();
      this.#waitingSize -= entry.size;
      this.#aboveMark.push(entry.wait);
      this.#frame(entry.data, entry.options);
      this.#flushBehind(undefined, entry.flushes);
    }
  }

  #settleFlushes(): void {
    const { writtenCount } = this.#protocol;
    for (let next = this.#flushes.first; next !== undefined; next = this.#flushes.first) {
      if (next.target > writtenCount) return;
      this.#flushes.shift();
      next.wait.resolve();
    }
  }

  /** The messages that wait and are not framed, in their order. */
  get unframed(): unknown[] {
    return Array.from(this.#entries, ({ data }) => (data instanceof PendingMessage ? data.source : data));
  }

  /** The connection is gone: everything that waits rejects with `error`. */
  end(error: unknown): void {
    const flushes = this.#flushes.takeAll().map(({ wait }) => wait);
    const entries = this.#entries.takeAll().flatMap(({ wait, flushes }) => [wait, ...flushes]);
    const waits = [...this.#aboveMark.splice(0), ...flushes, ...entries];
    this.#waitingSize = 0;
    this.#isDrainDue = false;
    for (const wait of waits) wait.reject(error);
  }
}

function sizeOf(data: Sendable): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return data instanceof PendingMessage ? data.size : data.byteLength;
}
