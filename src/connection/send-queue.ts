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

interface Entry {
  /** A pending message while it is being read. */
  data: Sendable;
  readonly size: number;
  /** Bytes of memory that it takes besides `size`. */
  readonly overhead: number;
  readonly options: MessageOptions | undefined;
  readonly token: unknown;
  readonly wait: Wait;
  /** Calls of `flush()` that wait for this message and those before it. */
  flushes: Wait[] | undefined;
}

export interface SendQueueHandler {
  /** The protocol has output. */
  onQueued(): void;
  /** Waiting messages take so much memory that the output is to be written now, before the end of the tick. */
  onMemoryFull?(): void;
  /** A message was refused or withdrawn; its caller's promise rejects with the same error. */
  onRefused(error: unknown): void;
}

/** What is of interest to whoever sends. */
export interface SendEvents {
  /** What waits has fallen to the low-water mark. */
  onDrain(): void;
  /** A message that was not framed was taken back by its caller. */
  onWithdrawn(token: unknown): void;
  /** A message has taken so many milliseconds from its sending to the kernel. */
  onSampled(duration: number): void;
}

/** The kind of refusals above `maxBufferedAmount`. */
const overflowKind: unique symbol = Symbol("overflow");

/**
 * Messages on their way to the protocol. Below the high-water mark they are framed at the call; above it, or behind
 * a message that is still being read, they wait here in the order of the calls, and can still be withdrawn.
 */
export class SendQueue {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #marks: SendMarks;
  readonly #handler: SendQueueHandler;
  readonly #events: SendEvents;
  // Each of these is made when it is first needed: a connection that only listens has none.
  #gate: FairnessGate | undefined;
  #entries: LinkedQueue<Entry> | undefined;
  #waitingSize = 0;
  #waitingOverhead = 0;
  /** {@link load} when a message was last framed: to ask for it once is enough. */
  #loadAfterFrame = 0;
  #acceptedCount = 0;
  /** Sends whose message is framed and that wait for the mark. */
  #aboveMark: { readonly wait: Wait; readonly token: unknown }[] | undefined;
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
    handler: SendQueueHandler,
    events: SendEvents,
  ) {
    this.#protocol = protocol;
    this.#runtime = runtime;
    this.#marks = marks;
    this.#handler = handler;
    this.#events = events;
  }

  /** The bytes that the kernel has not taken, framing included. */
  get bufferedAmount(): number {
    return this.#protocol.bufferedSize + this.#waitingSize;
  }

  /**
   * What the marks are compared with: {@link bufferedAmount}, and the memory that waiting messages take besides it where
   * that exceeds 1 MiB.
   */
  get load(): number {
    return this.bufferedAmount + countedOverhead(this.#framedOverhead() + this.#waitingOverhead);
  }

  /** The part of {@link load} that messages take which are framed already. */
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
   * How many of the first `position` messages that were framed are acknowledged one by one by the peer.
   * @param position - At least the count of those that were handed out.
   */
  receiptsUpTo(position: number): number {
    this.#tokens?.forget(this.#protocol.handedCount);
    return this.#tokens?.receiptsUpTo(position) ?? 0;
  }

  /** How many messages were handed out that are acknowledged one by one, and are not yet. */
  get unacknowledgedCount(): number {
    return this.#tokens?.unacknowledgedCount ?? 0;
  }

  /** How many messages were accepted and not withdrawn. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** `onDrain` is to come. */
  get isDrainPending(): boolean {
    return this.#isDrainDue;
  }

  get isEmpty(): boolean {
    return this.#entries === undefined || this.#entries.length === 0;
  }

  /**
   * @param token - What the message is known by where it comes back unsent; kept by its owner then, and its promise resolves.
   * @returns A promise that resolves once the message is accepted and what waits is below the high-water mark.
   */
  send(data: Sendable, options: MessageOptions | undefined, token?: unknown): Promise<void> {
    if (options?.signal?.aborted === true) return this.#refuse(options.signal.reason, token, data);
    const { load } = this;
    if (this.#exceedsBound(data, load)) return this.#refuse(overflowKind, token, data);
    if (!this.#isOpenFor(data, load)) return this.#enqueue(data, options, token).promise;
    const size = this.#frame(data, options, token);
    this.#acceptedCount++;
    if (this.#loadAfterFrame < this.#marks.highWaterMark) {
      // What shrinks well takes its time all the same.
      const work = data.length > size ? data.length : size;
      return (this.#gate ??= new FairnessGate(this.#runtime)).pass(work);
    }
    // The message is on its way whatever becomes of the wait: only the caller is let go.
    const wait = new Wait(this.#runtime, "send", options, (reason) => this.#handler.onRefused(reason));
    (this.#aboveMark ??= []).push({ wait, token });
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

  /** Sends without waiting: `true` where the message is framed, `false` where it waits, `undefined` where it is refused. */
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

  /** Sends a message that was accepted long ago: it is not refused whatever waits, and nobody waits for it. */
  sendAccepted(data: Sendable, options: MessageOptions | undefined, token: unknown): void {
    if (this.#isOpenFor(data, this.load)) {
      this.#frame(data, options, token);
      this.#acceptedCount++;
    } else {
      this.#enqueue(data, options, token);
    }
  }

  /** Resolves when all that was accepted before the call is with the kernel. */
  flush(options: WaitOptions | undefined): Promise<void> {
    const wait = new Wait(this.#runtime, "flush", options);
    this.#flushAfter(this.#entries?.last, [wait]);
    return wait.promise;
  }

  /** @param entry - What is to be framed first; `undefined` where all of it is. */
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

  /** Few bytes may stand for much memory: where they have not been written yet, to write them frees it. */
  #freesMemory(): boolean {
    if (this.#protocol.bufferedSize >= this.#marks.highWaterMark) return false;
    this.#handler.onMemoryFull?.();
    // A listener of "drain" may have sent, or closed the connection.
    return this.isEmpty && this.load < this.#marks.highWaterMark && this.#protocol.state === "open";
  }

  /** One message larger than the bound passes where nothing waits. */
  #exceedsBound(data: Sendable, waiting: number): boolean {
    if (waiting === 0) return false;
    // A character takes at most three bytes: the exact size is only asked for near the bound.
    const most = typeof data === "string" ? data.length * 3 : sizeOf(data);
    const { maxBufferedAmount } = this.#marks;
    return waiting + most > maxBufferedAmount && waiting + sizeOf(data) > maxBufferedAmount;
  }

  /** @param data - The message; `undefined` where several share the error. */
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
    this.#handler.onQueued();
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
    // The caller may use its bytes again when the call returns.
    const own = data instanceof Uint8Array ? ownCopyOf(data) : data;
    const entry: Entry = {
      data: own,
      size: size + headerSizeFor(size, true),
      overhead: overheadOf(data, size, options),
      options,
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

  /** Takes a message back; one that is framed is on its way, and only its caller is let go. */
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

  /** Frames what waits as far as the mark allows, and settles who waited for it. Called after each progress of the socket. */
  pump(): void {
    // What is framed may be written at once, and that progress calls back: the loop goes on by itself.
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
      this.#resolveAboveMark();
      const entry = this.#entries?.first;
      if (entry === undefined || entry.data instanceof PendingMessage || this.#protocol.state !== "open")
        return;
      this.#entries!.shift();
      this.#subtract(entry);
      (this.#aboveMark ??= []).push(entry);
      this.#frame(entry.data, entry.options, entry.token);
      if (entry.flushes !== undefined) this.#flushAfter(undefined, entry.flushes);
    }
  }

  #resolveAboveMark(): void {
    if (this.#aboveMark === undefined) return;
    for (const { wait } of this.#takeAboveMark()) wait.resolve();
  }

  #takeAboveMark(): readonly { readonly wait: Wait; readonly token: unknown }[] {
    const waits = this.#aboveMark ?? [];
    this.#aboveMark = undefined;
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

  /** Takes out all of which not a byte has left, in their order. @param framed - Those of them that were framed. */
  takeUnsent(framed: readonly Sendable[], framedCount: number): UnsentMessage[] {
    const unframed = this.#entries?.takeAll() ?? [];
    this.#waitingSize = 0;
    this.#waitingOverhead = 0;
    this.#tokens?.forget(this.#protocol.handedCount);
    this.#acceptedCount -= framed.length + unframed.length;
    this.#sample?.cancel();
    for (const entry of unframed)
      (this.#aboveMark ??= []).push(entry, ...(entry.flushes ?? []).map(withoutToken));
    const waiting = unframed.map(({ data, token }) => ({ data, token }));
    const matched = this.#tokens?.match(framed, framedCount) ?? framed.map(asUnowned);
    return [...matched, ...waiting];
  }

  /** The messages have moved to another connection, which those who wait for this one need not know. */
  resolveWaits(): void {
    this.#resolveAboveMark();
    for (const { wait } of this.#flushes?.takeAll() ?? []) wait.resolve();
    this.#isDrainDue = false;
  }

  /** The connection is gone: what waits rejects with `error`, but for sends whose message its owner keeps. */
  end(error: unknown): void {
    this.#isDrainDue = false;
    for (const { wait, token } of this.#takeAboveMark()) {
      if (token === undefined) wait.reject(error);
      else wait.resolve();
    }
    for (const { wait } of this.#flushes?.takeAll() ?? []) wait.reject(error);
  }
}

function countedOverhead(overhead: number): number {
  return overhead > freeOverhead ? overhead - freeOverhead : 0;
}

/** A message that no owner keeps. */
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
