// The send queue of one connection: back-pressure, limits, and the promises of `send()` and `flush()`. It does not
// write to the socket.
import { headerSizeFor, type ProtocolConnection } from "../../protocol/index.js";
import { BufferOverflowError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../runtime/linked-queue.js";
import { freeOverhead, overheadOf, ownCopyOf, ownedMessageOverhead } from "./message-memory.js";
import { PendingMessage, type Sendable, sizeOf } from "./pending-message.js";
import { MessageTokens, type UnsentMessage } from "./message-tokens.js";
import { Refusals } from "./refusals.js";
import { messagesPerSample, SendSample } from "./send-sample.js";
import type { SocketWriter } from "./socket-writer.js";
import { FairnessGate } from "./fairness-gate.js";

/** Limits of a send queue, in bytes. */
export interface SendMarks {
  /** While the load is at least this value, new messages wait before they are framed. */
  readonly highWaterMark: number;
  /** `onDrain` is called when the load falls to this value. */
  readonly lowWaterMark: number;
  /** A message is refused if it would raise the load above this value. */
  readonly maxBufferedAmount: number;
}

export interface MessageOptions extends WaitOptions {
  /** Whether to compress this message. Default: compress messages of at least `compressionThreshold` bytes. */
  readonly compress?: boolean | undefined;
}

/** A call of `send()` that waits, and the token of its message. */
interface PendingSend {
  readonly wait: Wait;
  readonly token: unknown;
}

/** A message that is not framed yet. */
interface Entry extends PendingSend {
  /** The content of the message, or a `PendingMessage` until the content is read. */
  data: Sendable;
  readonly size: number;
  /** Bytes of memory in addition to `size`. */
  readonly overhead: number;
  readonly compress: boolean | undefined;
  /** Calls of `flush()` that wait for this message and all earlier messages. */
  flushes: Wait[] | undefined;
}

/** Receives the events of a send queue. */
export interface SendEvents {
  /** The load has fallen to the low-water mark. */
  onDrain(): void;
  /** The caller has cancelled a message before it was framed, or the queue has refused the message. */
  onWithdrawn(token: unknown): void;
  /** @param duration - Milliseconds from the call of `send()` until the kernel accepted the message. */
  onSampled(duration: number): void;
}

/** Marks a refusal that `maxBufferedAmount` causes. Several refusals with this mark can share one error. */
const overflowKind: unique symbol = Symbol("overflow");

/**
 * Frames messages in the order of the calls. A message is framed immediately if {@link SendQueue.load} is below the
 * high-water mark and no earlier message waits. Otherwise the message waits in this queue. A waiting message can be
 * withdrawn.
 */
export class SendQueue {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #marks: SendMarks;
  readonly #writer: Pick<SocketWriter, "wake" | "flush">;
  readonly #events: SendEvents;
  readonly #handler: { onRefused(error: unknown): void };
  // The following objects are created on first use. A connection that only receives has none of these objects.
  #gate: FairnessGate | undefined;
  #entries: LinkedQueue<Entry> | undefined;
  #waitingSize = 0;
  #waitingOverhead = 0;
  /** The value of {@link load} after the last message was framed. */
  #loadAfterFrame = 0;
  #acceptedCount = 0;
  /** Calls of `send()` whose message is framed. Each call waits until the load is below the high-water mark. */
  #sendsAboveMark: PendingSend[] | undefined;
  #tokens: MessageTokens | undefined;
  #refusals: Refusals | undefined;
  #sample: SendSample | undefined;
  #flushes: LinkedQueue<{ readonly target: number; readonly wait: Wait }> | undefined;
  #isDrainDue = false;
  #isPumping = false;

  constructor(
    protocol: ProtocolConnection,
    runtime: Runtime,
    marks: SendMarks,
    writer: Pick<SocketWriter, "wake" | "flush">,
    events: SendEvents,
    handler: { onRefused(error: unknown): void },
  ) {
    this.#protocol = protocol;
    this.#runtime = runtime;
    this.#marks = marks;
    this.#writer = writer;
    this.#events = events;
    this.#handler = handler;
  }

  /** Number of bytes that the kernel has not accepted, including frame headers. */
  get bufferedAmount(): number {
    return this.#protocol.bufferedSize + this.#waitingSize;
  }

  /**
   * The number of bytes that is compared with the water marks: {@link bufferedAmount} and the additional memory of the
   * messages. The first 1 MiB of additional memory does not count.
   */
  get load(): number {
    return this.#loadWith(this.#waitingSize, this.#waitingOverhead);
  }

  /** Returns the load of all framed messages and of the given number of waiting bytes. */
  #loadWith(waitingSize: number, waitingOverhead: number): number {
    const { bufferedSize, originalSize } = this.#protocol;
    const tokenOverhead = this.#tokens === undefined ? 0 : this.#tokens.length * ownedMessageOverhead;
    const overhead = originalSize + tokenOverhead + waitingOverhead - freeOverhead;
    return bufferedSize + waitingSize + (overhead > 0 ? overhead : 0);
  }

  /**
   * Counts the messages that the peer acknowledges individually. Only the first `position` framed messages are counted.
   * @param position - Must be at least the number of messages that were passed to the kernel, in whole or in part.
   */
  receiptsUpTo(position: number): number {
    this.#tokens?.forget(this.#protocol.handedCount);
    return this.#tokens?.receiptsUpTo(position) ?? 0;
  }

  /** Number of written messages that wait for an individual acknowledgement by the peer. */
  get unacknowledgedCount(): number {
    return this.#tokens?.unacknowledgedCount ?? 0;
  }

  /** Number of accepted messages. Does not include messages that were withdrawn or returned by {@link takeUnsent}. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** True if `onDrain` will be called when the load falls to the low-water mark. */
  get isDrainPending(): boolean {
    return this.#isDrainDue;
  }

  get isEmpty(): boolean {
    return this.#entries === undefined || this.#entries.length === 0;
  }

  /**
   * @param token - Identifies the message. If the connection ends before the message is written, the owner of the token
   *   receives the message, and the promise resolves.
   * @returns A promise that resolves when the message is framed and the load is below the high-water mark.
   */
  send(data: Sendable, options: MessageOptions | undefined, token?: unknown): Promise<void> {
    if (options?.signal?.aborted === true) return this.#refuse(options.signal.reason, token);
    const { load } = this;
    if (this.#exceedsBound(data, load)) return this.#refuse(overflowKind, token);
    if (!this.#isOpenFor(data, load)) return this.#enqueue(data, options, token).promise;
    const size = this.#frame(data, options, token);
    this.#acceptedCount++;
    if (this.#loadAfterFrame < this.#marks.highWaterMark) {
      // The time of compression depends on the size before compression.
      const work = data.length > size ? data.length : size;
      return (this.#gate ??= new FairnessGate(this.#runtime)).pass(work);
    }
    // The message is already framed. A signal or timeout only ends the wait of the caller.
    const wait = new Wait(this.#runtime, "send", options, (reason) => this.#handler.onRefused(reason));
    (this.#sendsAboveMark ??= []).push({ wait, token });
    return wait.promise;
  }

  /** @param kind - `overflowKind` if the queue is full. Otherwise the error with which the promise rejects. */
  #refuse(kind: unknown, token: unknown): Promise<never> {
    const { error, promise } = (this.#refusals ??= new Refusals(this.#runtime)).refuse(kind, () =>
      kind === overflowKind ? this.#overflow() : kind,
    );
    if (token !== undefined) this.#events.onWithdrawn(token);
    this.#handler.onRefused(error);
    return promise;
  }

  /** `true` if {@link send} refuses the message. */
  isFullFor(data: Sendable): boolean {
    return this.#exceedsBound(data, this.load);
  }

  /**
   * Sends without a promise.
   * @returns `true` if the message is framed, `false` if it waits, `undefined` if it is refused.
   */
  trySend(data: Sendable, options: MessageOptions | undefined, token?: unknown): boolean | undefined {
    const { load } = this;
    return this.#exceedsBound(data, load) ? undefined : this.sendAccepted(data, options, token, load);
  }

  /**
   * Sends a message that was accepted earlier. This method returns no promise, and never refuses the message.
   * @returns `true` if the message is framed, `false` if it waits.
   */
  sendAccepted(
    data: Sendable,
    options: MessageOptions | undefined,
    token: unknown,
    load: number = this.load,
  ): boolean {
    if (!this.#isOpenFor(data, load)) {
      this.#enqueue(data, options, token);
      return false;
    }
    this.#frame(data, options, token);
    this.#acceptedCount++;
    return true;
  }

  /** Resolves when the kernel has accepted all messages that were queued before the call. */
  flush(options: WaitOptions | undefined): Promise<void> {
    const wait = new Wait(this.#runtime, "flush", options);
    this.#flushAfter(this.#entries?.last, [wait]);
    return wait.promise;
  }

  /**
   * Makes calls of `flush()` wait for a message.
   * @param entry - The message for which the calls wait. `undefined`: the calls wait for the last framed message.
   */
  #flushAfter(entry: Entry | undefined, waits: readonly Wait[]): void {
    const target = this.#protocol.framedCount;
    for (const wait of waits) {
      if (entry === undefined) (this.#flushes ??= new LinkedQueue()).add({ target, wait });
      else (entry.flushes ??= []).push(wait);
    }
    if (entry === undefined) this.#settleFlushes();
  }

  #isOpenFor(data: Sendable, load: number): data is string | Uint8Array {
    if (!this.isEmpty || (load >= this.#marks.highWaterMark && !this.#freesMemory())) return false;
    return typeof data === "string" || !(data instanceof PendingMessage);
  }

  /**
   * Must be called when the load has reached the high-water mark. The load is the number of framed and waiting bytes
   * plus the additional memory of the messages. If the framed bytes alone are below the mark, this method writes the
   * output, which frees additional memory.
   * @returns `true` if the load is then below the mark, no message waits, and the connection is still open.
   */
  #freesMemory(): boolean {
    if (this.#protocol.bufferedSize >= this.#marks.highWaterMark) return false;
    this.#writer.flush();
    // A listener of `drain` may have sent a message or closed the connection.
    return this.isEmpty && this.load < this.#marks.highWaterMark && this.#protocol.state === "open";
  }

  /**
   * Returns true if the message would exceed `maxBufferedAmount`. If no message waits, a message of any size is
   * accepted.
   */
  #exceedsBound(data: Sendable, waiting: number): boolean {
    if (waiting === 0) return false;
    // One UTF-16 code unit takes at most three bytes in UTF-8. The exact size is computed only near the limit.
    const most = typeof data === "string" ? data.length * 3 : sizeOf(data);
    const { maxBufferedAmount } = this.#marks;
    return waiting + most > maxBufferedAmount && waiting + sizeOf(data) > maxBufferedAmount;
  }

  #overflow(): BufferOverflowError {
    const { bufferedAmount, load } = this;
    const memory = load > bufferedAmount ? ` and take ${load} bytes of memory` : "";
    return new BufferOverflowError(
      `A message was refused: ${bufferedAmount} bytes wait to be sent already${memory}, and ` +
        `maxBufferedAmount is ${this.#marks.maxBufferedAmount}. Await send(), or stop sending until "drain".`,
    );
  }

  #frame(data: string | Uint8Array, options: MessageOptions | undefined, token: unknown): number {
    const protocol = this.#protocol;
    const previous = protocol.bufferedSize;
    const position = protocol.framedCount + 1;
    if (token !== undefined) (this.#tokens ??= new MessageTokens()).add(position, token);
    if (position % messagesPerSample === 1) {
      const sample = (this.#sample ??= new SendSample());
      if (!sample.isRunning) sample.begin(position, this.#runtime.now());
    }
    if (typeof data === "string") protocol.text(data, options);
    else protocol.binary(data, options);
    const size = protocol.bufferedSize - previous;
    this.#writer.wake();
    this.#loadAfterFrame = this.load;
    if (this.#loadAfterFrame >= this.#marks.highWaterMark) this.#isDrainDue = true;
    return size;
  }

  #enqueue(data: Sendable, options: MessageOptions | undefined, token: unknown): Wait {
    const size = sizeOf(data);
    const wait = new Wait(this.#runtime, "send", options, (reason) => this.#withdraw(node, reason));
    // The caller may change its bytes after the call.
    const own = data instanceof Uint8Array ? ownCopyOf(data) : data;
    const entry: Entry = {
      data: own,
      size: size + headerSizeFor(size, true),
      overhead: overheadOf(data, size, options),
      compress: options?.compress,
      token,
      wait,
      flushes: undefined,
    };
    const node = (this.#entries ??= new LinkedQueue()).add(entry);
    this.#waitingSize += entry.size;
    this.#waitingOverhead += entry.overhead;
    this.#acceptedCount++;
    if (this.load >= this.#marks.highWaterMark) this.#isDrainDue = true;
    if (own instanceof PendingMessage) void this.#read(node, own);
    return wait;
  }

  async #read(node: LinkedQueueNode<Entry>, message: PendingMessage): Promise<void> {
    const entry = node.item;
    try {
      entry.data = await message.read();
      this.pump();
    } catch (error) {
      if (!node.isQueued) return;
      entry.wait.reject(error);
      this.#withdraw(node, error);
    }
  }

  /**
   * Removes a message that is not framed yet. A message that is already framed is still sent, and only the wait of the
   * caller ends.
   */
  #withdraw(node: LinkedQueueNode<Entry>, reason: unknown): void {
    const entry = node.item;
    const previous = node.previous?.item;
    if (this.#entries?.remove(node) === true) {
      this.#subtract(entry);
      this.#acceptedCount--;
      if (entry.flushes !== undefined) this.#flushAfter(previous, entry.flushes);
      if (entry.token !== undefined) this.#events.onWithdrawn(entry.token);
    }
    this.#handler.onRefused(reason);
    this.pump();
  }

  #subtract({ size, overhead }: Entry): void {
    this.#waitingSize -= size;
    this.#waitingOverhead -= overhead;
  }

  /**
   * Turns waiting messages into frames until the high-water mark is reached, and settles promises. The connection calls
   * this method each time that the kernel has accepted bytes.
   */
  pump(): void {
    // Framing a message may write immediately, and the write calls this method again. The nested call returns at once.
    // The first call frames the remaining messages.
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#tokens?.forget(this.#protocol.handedCount);
    this.#finishSample();
    this.#frameWaiting();
    this.#isPumping = false;
    this.#settleFlushes();
    if (this.#isDrainDue && this.load <= this.#marks.lowWaterMark) {
      this.#isDrainDue = false;
      this.#events.onDrain();
    }
  }

  #finishSample(): void {
    if (this.#sample?.isRunning !== true) return;
    const duration = this.#sample.end(this.#protocol.writtenCount, this.#runtime.now());
    if (duration !== undefined) this.#events.onSampled(duration);
  }

  #frameWaiting(): void {
    while (this.#loadWith(0, 0) < this.#marks.highWaterMark) {
      this.#resolveSendsAboveMark();
      const entry = this.#entries?.first;
      if (entry === undefined || entry.data instanceof PendingMessage || this.#protocol.state !== "open")
        return;
      this.#entries!.shift();
      this.#subtract(entry);
      (this.#sendsAboveMark ??= []).push(entry);
      const { data, compress, token } = entry;
      this.#frame(data, compress === undefined ? undefined : { compress }, token);
      if (entry.flushes !== undefined) this.#flushAfter(undefined, entry.flushes);
    }
  }

  #resolveSendsAboveMark(): void {
    if (this.#sendsAboveMark === undefined) return;
    for (const { wait } of this.#takeSendsAboveMark()) wait.resolve();
  }

  #takeSendsAboveMark(): readonly PendingSend[] {
    const waits = this.#sendsAboveMark ?? [];
    this.#sendsAboveMark = undefined;
    return waits;
  }

  #settleFlushes(): void {
    if (this.#flushes === undefined) return;
    const { writtenCount } = this.#protocol;
    for (let next = this.#flushes.first; next !== undefined; next = this.#flushes.first) {
      if (next.target > writtenCount) return;
      this.#flushes.shift();
      next.wait.resolve();
    }
  }

  /**
   * Removes and returns, in order, all messages that the connection has not begun to write.
   * @param framed - The framed messages among them. The caller has already removed these messages from the
   *   `ProtocolConnection`.
   * @param framedCount - Number of all framed messages, including `framed`.
   */
  takeUnsent(framed: readonly Sendable[], framedCount: number): UnsentMessage[] {
    const unframed = this.#entries?.takeAll() ?? [];
    this.#waitingSize = 0;
    this.#waitingOverhead = 0;
    this.#tokens?.forget(this.#protocol.handedCount);
    this.#acceptedCount -= framed.length + unframed.length;
    this.#sample?.cancel();
    for (const entry of unframed) {
      const flushes = (entry.flushes ?? []).map((wait) => ({ wait, token: undefined }));
      (this.#sendsAboveMark ??= []).push(entry, ...flushes);
    }
    const waiting = unframed.map(({ data, token }) => ({ data, token }));
    const matched = this.#tokens?.match(framed, framedCount);
    return [...(matched ?? framed.map((data) => ({ data, token: undefined }))), ...waiting];
  }

  /** Resolves all pending calls of `send()` and `flush()`, because their messages move to another connection. */
  resolveWaits(): void {
    this.#resolveSendsAboveMark();
    for (const { wait } of this.#flushes?.takeAll() ?? []) wait.resolve();
    this.#isDrainDue = false;
  }

  /**
   * Rejects all pending calls with `error`. Exception: a call of `send()` with a token resolves, because the caller
   * keeps the message and can send it again.
   */
  end(error: unknown): void {
    this.#isDrainDue = false;
    for (const { wait, token } of this.#takeSendsAboveMark()) {
      if (token === undefined) wait.reject(error);
      else wait.resolve();
    }
    for (const { wait } of this.#flushes?.takeAll() ?? []) wait.reject(error);
  }
}
