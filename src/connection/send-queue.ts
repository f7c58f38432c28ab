// The send queue of one connection: back-pressure, limits and the promises of `send()` and `flush()`. It does not write
// to the socket.
import { headerSizeFor, type ProtocolConnection } from "../../protocol/index.js";
import { BufferOverflowError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../runtime/linked-queue.js";
import { freeOverhead, overheadOf, ownCopyOf, ownedMessageOverhead } from "./message-memory.js";
import { PendingMessage, type Sendable } from "./pending-message.js";
import { MessageTokens, type UnsentMessage } from "./message-tokens.js";
import { Refusals } from "./refusals.js";
import { messagesPerSample, SendSample } from "./send-sample.js";
import { FairnessGate } from "./fairness-gate.js";

/** Limits of a send queue, in bytes. */
export interface SendMarks {
  /** At this load, messages wait before they are framed. */
  readonly highWaterMark: number;
  /** At this load, `onDrain` is called. */
  readonly lowWaterMark: number;
  /** Above this load, messages are refused. */
  readonly maxBufferedAmount: number;
}

export interface MessageOptions extends WaitOptions {
  /** Whether to compress this message, whatever its size. Default: determined by `compressionThreshold`. */
  readonly compress?: boolean | undefined;
}

interface Entry {
  /** A `PendingMessage` until its content is read. */
  data: Sendable;
  readonly size: number;
  /** Bytes of memory in addition to `size`. */
  readonly overhead: number;
  /** Kept instead of the options: one object less per message. */
  readonly compress: boolean | undefined;
  readonly token: unknown;
  readonly wait: Wait;
  /** Calls of `flush()` that wait for this message and the earlier ones. */
  flushes: Wait[] | undefined;
}

/** Writes the protocol's output. */
interface OutputWriter {
  /** The protocol has output: it is written by the end of the tick. */
  wake(): void;
  /** Writes the output now. */
  flush(): void;
}

interface SendQueueHandler {
  /** A message was refused or withdrawn; its caller's promise rejects with the same error. */
  onRefused(error: unknown): void;
}

/** Events for the sender of the messages. */
export interface SendEvents {
  /** The load has fallen to the low-water mark. */
  onDrain(): void;
  /** The caller withdrew a message before it was framed, or the message was refused. */
  onWithdrawn(token: unknown): void;
  /** @param duration - Milliseconds from the `send()` of a message until the kernel accepted it. */
  onSampled(duration: number): void;
}

/** The kind of all refusals above `maxBufferedAmount`. */
const overflowKind: unique symbol = Symbol("overflow");

/**
 * Queues messages before they are framed. Below the high-water mark, a message is framed during the call. Above it, or
 * after a message whose content is still being read, messages wait here in call order and can be withdrawn.
 */
export class SendQueue {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #marks: SendMarks;
  readonly #writer: OutputWriter;
  readonly #events: SendEvents;
  readonly #handler: SendQueueHandler;
  // The optional parts are created on first use, to save memory on connections that only receive.
  #gate: FairnessGate | undefined;
  #entries: LinkedQueue<Entry> | undefined;
  #waitingSize = 0;
  #waitingOverhead = 0;
  /** {@link load} after the last message was framed. Cached, so that a send computes it only once. */
  #loadAfterFrame = 0;
  #acceptedCount = 0;
  /** Pending sends whose message is framed, waiting until the load is below the high-water mark. */
  #sendsAboveMark: { readonly wait: Wait; readonly token: unknown }[] | undefined;
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
    writer: OutputWriter,
    events: SendEvents,
    handler: SendQueueHandler,
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
   * The number of bytes compared with the marks: {@link bufferedAmount} plus the additional memory of waiting messages
   * above the first 1 MiB.
   */
  get load(): number {
    return this.bufferedAmount + countedOverhead(this.#framedOverhead() + this.#waitingOverhead);
  }

  /** The part of {@link load} that belongs to framed messages. */
  #framedLoad(): number {
    return this.#protocol.bufferedSize + countedOverhead(this.#framedOverhead());
  }

  #framedOverhead(): number {
    const { originalSize } = this.#protocol;
    return this.#tokens === undefined
      ? originalSize
      : originalSize + this.#tokens.length * ownedMessageOverhead;
  }

  /**
   * Returns how many of the first `position` framed messages the peer acknowledges individually.
   * @param position - At least the number of messages that were passed to the kernel.
   */
  receiptsUpTo(position: number): number {
    this.#tokens?.forget(this.#protocol.handedCount);
    return this.#tokens?.receiptsUpTo(position) ?? 0;
  }

  /** Number of written messages that the peer acknowledges individually and has not acknowledged yet. */
  get unacknowledgedCount(): number {
    return this.#tokens?.unacknowledgedCount ?? 0;
  }

  /** Number of messages that were accepted and not withdrawn. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** True if `onDrain` will be called when the load falls. */
  get isDrainPending(): boolean {
    return this.#isDrainDue;
  }

  get isEmpty(): boolean {
    return this.#entries === undefined || this.#entries.length === 0;
  }

  /**
   * @param token - Identifies the message if it is returned unsent. The owner then keeps the message, and the promise
   *   resolves.
   * @returns A promise that resolves when the message is accepted and the load is below the high-water mark.
   */
  send(data: Sendable, options: MessageOptions | undefined, token?: unknown): Promise<void> {
    if (options?.signal?.aborted === true) return this.#refuse(options.signal.reason, token, data);
    const { load } = this;
    if (this.#exceedsBound(data, load)) return this.#refuse(overflowKind, token, data);
    if (!this.#isOpenFor(data, load)) return this.#enqueue(data, options, token).promise;
    const size = this.#frame(data, options, token);
    this.#acceptedCount++;
    if (this.#loadAfterFrame < this.#marks.highWaterMark) {
      // A message that compresses well still costs the time to compress it.
      const work = data.length > size ? data.length : size;
      return (this.#gate ??= new FairnessGate(this.#runtime)).pass(work);
    }
    // The message is already framed: a signal or timeout only ends the caller's wait.
    const wait = new Wait(this.#runtime, "send", options, (reason) => this.#handler.onRefused(reason));
    (this.#sendsAboveMark ??= []).push({ wait, token });
    return wait.promise;
  }

  /** @param kind - {@link overflowKind}, or the error itself. */
  #refuse(kind: unknown, token: unknown, data: Sendable): Promise<never> {
    const { error, promise } = (this.#refusals ??= new Refusals(this.#runtime)).refuse(kind, (isShared) =>
      kind === overflowKind ? this.#overflow(isShared ? undefined : data) : kind,
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
    if (this.#exceedsBound(data, load)) return undefined;
    if (this.#isOpenFor(data, load)) {
      this.#frame(data, options, token);
      this.#acceptedCount++;
      return true;
    }
    this.#enqueue(data, options, token);
    return false;
  }

  /** Sends a message that was accepted earlier. It is never refused, and it has no promise. */
  sendAccepted(data: Sendable, options: MessageOptions | undefined, token: unknown): void {
    if (this.#isOpenFor(data, this.load)) {
      this.#frame(data, options, token);
      this.#acceptedCount++;
    } else {
      this.#enqueue(data, options, token);
    }
  }

  /** Resolves when the kernel has accepted all messages that were queued before the call. */
  flush(options: WaitOptions | undefined): Promise<void> {
    const wait = new Wait(this.#runtime, "flush", options);
    this.#flushAfter(this.#entries?.last, [wait]);
    return wait.promise;
  }

  /** @param entry - The last message that the calls wait for; `undefined` if all of them are framed. */
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

  /** Tries to free memory: small messages may take much memory, which is released when they are written. */
  #freesMemory(): boolean {
    if (this.#protocol.bufferedSize >= this.#marks.highWaterMark) return false;
    this.#writer.flush();
    // A "drain" listener may have sent a message or closed the connection.
    return this.isEmpty && this.load < this.#marks.highWaterMark && this.#protocol.state === "open";
  }

  /** A single message larger than the limit is accepted if nothing waits. */
  #exceedsBound(data: Sendable, waiting: number): boolean {
    if (waiting === 0) return false;
    // A UTF-16 code unit takes at most three bytes in UTF-8. The exact size is computed only near the limit.
    const most = typeof data === "string" ? data.length * 3 : sizeOf(data);
    const { maxBufferedAmount } = this.#marks;
    return waiting + most > maxBufferedAmount && waiting + sizeOf(data) > maxBufferedAmount;
  }

  /** @param data - The message; `undefined` if several refusals share the error. */
  #overflow(data: Sendable | undefined): BufferOverflowError {
    const { bufferedAmount, load } = this;
    const refused = data === undefined ? "Messages were" : `A message of ${sizeOf(data)} bytes was`;
    const memory = load > bufferedAmount ? ` and take ${load} bytes of memory` : "";
    return new BufferOverflowError(
      `${refused} refused: ${bufferedAmount} bytes wait to be sent already${memory}, and ` +
        `maxBufferedAmount is ${this.#marks.maxBufferedAmount}. Await send(), or stop sending until "drain".`,
    );
  }

  #frame(data: string | Uint8Array, options: MessageOptions | undefined, token: unknown): number {
    const protocol = this.#protocol;
    const previous = protocol.bufferedSize;
    const position = protocol.framedCount + 1;
    if (token !== undefined) (this.#tokens ??= new MessageTokens()).add(position, token);
    if (position % messagesPerSample === 1) this.#sampleFrom(position);
    if (typeof data === "string") protocol.text(data, options);
    else protocol.binary(data, options);
    const size = protocol.bufferedSize - previous;
    this.#writer.wake();
    this.#loadAfterFrame = this.load;
    if (this.#loadAfterFrame >= this.#marks.highWaterMark) this.#isDrainDue = true;
    return size;
  }

  #sampleFrom(position: number): void {
    const sample = (this.#sample ??= new SendSample());
    if (!sample.isRunning) sample.begin(position, this.#runtime.now());
  }

  #enqueue(data: Sendable, options: MessageOptions | undefined, token: unknown): Wait {
    const size = sizeOf(data);
    const wait = new Wait(this.#runtime, "send", options, (reason) => this.#withdraw(node, reason));
    // The caller may reuse its bytes when the call returns.
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

  /** Withdraws a message. If it is framed already, only the caller's wait ends. */
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
   * Frames waiting messages up to the high-water mark and settles their promises. Called after each progress of the
   * socket.
   */
  pump(): void {
    // Framing may write immediately, and that progress calls this method again. The outer loop continues.
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
    while (this.#framedLoad() < this.#marks.highWaterMark) {
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

  #takeSendsAboveMark(): readonly { readonly wait: Wait; readonly token: unknown }[] {
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
   * Removes and returns all messages of which no byte was written, in order.
   * @param framed - The unwritten messages that were framed.
   */
  takeUnsent(framed: readonly Sendable[], framedCount: number): UnsentMessage[] {
    const unframed = this.#entries?.takeAll() ?? [];
    this.#waitingSize = 0;
    this.#waitingOverhead = 0;
    this.#tokens?.forget(this.#protocol.handedCount);
    this.#acceptedCount -= framed.length + unframed.length;
    this.#sample?.cancel();
    for (const entry of unframed)
      (this.#sendsAboveMark ??= []).push(entry, ...(entry.flushes ?? []).map(withoutToken));
    const waiting = unframed.map(({ data, token }) => ({ data, token }));
    const matched = this.#tokens?.match(framed, framedCount) ?? framed.map(asUnowned);
    return [...matched, ...waiting];
  }

  /** Resolves all pending calls, because their messages move to another connection. */
  resolveWaits(): void {
    this.#resolveSendsAboveMark();
    for (const { wait } of this.#flushes?.takeAll() ?? []) wait.resolve();
    this.#isDrainDue = false;
  }

  /**
   * The connection has ended: rejects the pending calls with `error`, except sends whose message is kept by its owner.
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

function countedOverhead(overhead: number): number {
  return overhead > freeOverhead ? overhead - freeOverhead : 0;
}

/** An unsent message that no owner keeps. */
function asUnowned(data: Sendable): UnsentMessage {
  return { data, token: undefined };
}

function withoutToken(wait: Wait): { readonly wait: Wait; readonly token: undefined } {
  return { wait, token: undefined };
}

function sizeOf(data: Sendable): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return data instanceof PendingMessage ? data.size : data.byteLength;
}
