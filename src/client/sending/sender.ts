import { Outbox } from "../../buffer/outbox.js";
import { OutboxEntry } from "../../buffer/outbox-entry.js";
import type { OutboxDropCause, OutboxPolicy } from "../../buffer/outbox-policy.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import type { MessageOptions } from "../../connection/send-queue.js";
import type { Sendable } from "../../connection/pending-message.js";
import { movingOverflow, movingPolicy, policyOf } from "./outbox-policies.js";
import { type Entry, entryOf, isMessage, type OutboxPayload, sourceOf } from "./outbox-message.js";
import { type Refusal, Refusals } from "../../connection/refusals.js";
import { FairnessGate } from "../../connection/fairness-gate.js";
import type { BufferOverflowError, InvalidStateError } from "../../errors.js";
import type { State } from "../../events/event-map.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../../runtime/wait.js";

export type SendResult = "sent" | "queued" | "dropped";

export interface SenderHandler {
  onError(error: unknown): void;
  onUnsent(message: unknown, cause: OutboxDropCause): void;
  onDrain(): void;
  readonly state: State;
  stateError(operation: string): InvalidStateError;
}

type SenderOptions<Received, Sent> = Pick<
  ResolvedOptions<Received, Sent>,
  "outbox" | "highWaterMark" | "maxBufferedAmount"
>;

/** The kind of refusals by a full outbox. */
const overflowKind: unique symbol = Symbol("overflow");

/** Brings messages to the connection that takes them, and to the outbox while there is none, in the order of the calls. */
export class Sender<Received, Sent> {
  readonly #runtime: Runtime;
  readonly #options: SenderOptions<Received, Sent>;
  readonly #handler: SenderHandler;
  /** Without the option there is one only while the writer moves. */
  #outbox: Outbox<Sent, Received, OutboxPayload> | undefined;
  #live: LiveConnection | undefined;
  #timer: Timer | undefined;
  /** Made when it is first needed, as the two sets. */
  #gate: FairnessGate | undefined;
  #refusals: Refusals | undefined;
  #flushes: Set<Wait> | undefined;
  /** Sends while the writer moves, above the high-water mark. */
  #held: Set<Wait> | undefined;
  /** The one of them that sends without a signal and a timeout share. */
  #sharedHeld: Wait | undefined;
  /** A connection was above its mark and is left: whoever waits for `drain` is told on the next one. */
  #isDrainPending = false;
  /** Takes nothing more, and may still write what it has, or give it back. */
  #leaving: LiveConnection | undefined;
  /** How often messages came back from a connection. */
  #returns = 0;
  #isPumping = false;
  #isReferenced = true;
  /** The outbox takes a message. */
  #isTaking = false;
  /** What it has dropped for that; reported once the message is in its place. */
  readonly #dropped: { readonly message: unknown; readonly cause: OutboxDropCause }[] = [];

  constructor(runtime: Runtime, options: SenderOptions<Received, Sent>, handler: SenderHandler) {
    this.#runtime = runtime;
    this.#options = options;
    this.#handler = handler;
    const { outbox } = options;
    if (outbox !== undefined) this.#outbox = this.#createOutbox(policyOf(outbox));
  }

  #createOutbox(policy: OutboxPolicy<Sent, Received>): Outbox<Sent, Received, OutboxPayload> {
    return new Outbox<Sent, Received, OutboxPayload>(policy, {
      onDropped: ({ data }, cause) => this.#onDropped(sourceOf(data), cause),
      onError: (error) => this.#handler.onError(error),
    });
  }

  #onDropped(message: unknown, cause: OutboxDropCause): void {
    this.#dropped.push({ message, cause });
    if (!this.#isTaking) this.#reportDropped();
  }

  /** Messages that the outbox keeps: those that wait, and those that are not acknowledged. */
  get keptCount(): number {
    return this.#outbox?.length ?? 0;
  }

  get keptBytes(): number {
    return this.#outbox?.bytes ?? 0;
  }

  /** Received messages are to be shown to {@link received}. */
  get wantsReceived(): boolean {
    return this.#options.outbox?.acknowledges !== undefined;
  }

  /** A message has come, and may acknowledge some of ours. */
  received(message: Received): void {
    this.#outbox?.received(message);
  }

  /** A connection takes messages from now on: what waits goes first. */
  attach(live: LiveConnection): void {
    // It may have begun to end meanwhile.
    if (live.isClosing) return;
    this.#live = live;
    this.#leaving = undefined;
    this.#outbox?.open();
    this.pump();
    if (this.#isDrainPending) this.#drainBehind(live);
  }

  /** The writer is about to move to another connection: newer messages wait. */
  hold(): void {
    // What is held, and what the connection before still has to write, are bounded together.
    this.#outbox ??= this.#createOutbox(
      movingPolicy(() => this.#options.maxBufferedAmount - (this.#leaving?.sendLoad ?? 0)),
    );
    this.#outbox.hold();
    this.#leaving = this.#live;
    this.#live = undefined;
  }

  /** What came back is written: there is room again. */
  #drainBehind(live: LiveConnection): void {
    live.flush(undefined).then(
      () => {
        if (!this.#isDrainPending || this.#live !== live) return;
        this.#isDrainPending = false;
        this.#handler.onDrain();
      },
      () => undefined,
    );
  }

  /** The writer stays where it was before {@link hold}. */
  resume(live: LiveConnection): void {
    if (live.isClosing) return;
    this.#live = live;
    this.#leaving = undefined;
    this.#outbox?.resume();
    this.pump();
  }

  /**
   * The connection is gone.
   * @param unsent - What came back of it; kept where there is an outbox, else told as dropped.
   * @param error - What the calls get whose messages are not kept.
   * @param isDrainPending - It was above its mark, and `drain` has not come.
   */
  lost(unsent: readonly UnsentMessage[], error: unknown, isDrainPending: boolean): void {
    this.#isDrainPending ||= isDrainPending;
    this.#takeBack(unsent);
    if (this.#options.outbox !== undefined) return;
    const moving = this.#outbox;
    this.#outbox = undefined;
    this.#rejectWaits(error);
    moving?.end("unsent");
    this.#arm();
  }

  #rejectWaits(error: unknown): void {
    const waits = [...(this.#flushes ?? []), ...this.#takeHeld()];
    this.#flushes = undefined;
    for (const wait of waits) wait.reject(error);
  }

  #takeBack(unsent: readonly UnsentMessage[]): void {
    this.#live = undefined;
    this.#leaving = undefined;
    this.#returns++;
    const outbox = this.#outbox;
    const entries: Entry[] = [];
    const dropped: Sendable[] = [];
    for (const { data, token } of unsent.filter(isMessage)) {
      const entry = outbox !== undefined && token instanceof OutboxEntry ? (token as Entry) : undefined;
      if (entry === undefined) dropped.push(data);
      else {
        entry.message.data ??= data;
        entries.push(entry);
      }
    }
    outbox?.lost(entries, this.#runtime.now());
    this.#arm();
    // Who is told may send: that goes behind what came back.
    for (const data of dropped) this.#handler.onUnsent(sourceOf(data), "unsent");
  }

  /** The connection takes nothing more; what it has not sent comes by {@link lost}. */
  detach(): void {
    this.#leaving = this.#live ?? this.#leaving;
    this.#live = undefined;
    this.#outbox?.hold();
    this.#arm();
  }

  /** The writer moves behind {@link hold}. @param unsent - What the connection before it has not begun to send. */
  move(unsent: readonly UnsentMessage[], live: LiveConnection, isDrainPending: boolean): void {
    this.#isDrainPending ||= isDrainPending;
    const isKept = this.#options.outbox !== undefined;
    const kept = unsent.filter(isMessage).map(({ data, token }) => {
      const isNew = !isKept && token === undefined;
      return { data, token: isNew ? entryOf(data, undefined, false) : token };
    });
    this.#takeBack(kept);
    this.attach(live);
  }

  send(
    operation: string,
    value: unknown,
    data: Sendable,
    options: MessageOptions | undefined,
  ): Promise<void> {
    const live = this.#live;
    const outbox = this.#outbox;
    if (outbox === undefined) {
      if (live === undefined) return this.refuseNow(operation);
      return live.send(data, options);
    }
    const reason: unknown = options?.signal?.reason;
    if (options?.signal?.aborted === true) return this.refuse(reason, () => reason);
    // It refuses the message, of which no entry is made: V8 puts entries in the old generation once many of them wait, and those
    // of millions of refused messages would fill it.
    if (live !== undefined && outbox.isClear && live.isFullFor(data)) return live.send(data, options);
    const entry = entryOf(data, options, live !== undefined && outbox.isClear);
    if (live !== undefined && outbox.isClear) {
      this.#stamp(outbox, entry);
      return live.send(data, options, entry);
    }
    const isOutermost = this.#beginTaking();
    try {
      const answer = outbox.send(entry, value as Sent, this.#runtime.now());
      if (answer === "write") return this.#write(outbox, entry, data, options);
      this.#arm();
      if (answer === "queued") return this.#queued(outbox, entry, options);
      const { error, promise } = this.#refusalOf(overflowKind, (isShared) =>
        this.#overflowError(outbox, isShared ? undefined : entry),
      );
      // A message that was dropped is reported as such.
      if (answer === "refused") this.#handler.onError(error);
      return promise;
    } finally {
      if (isOutermost) this.#reportDropped();
    }
  }

  /**
   * The outbox takes a message, and may drop others for it. A listener of `dropped` may do anything, such as end the
   * connection or send: it is called by {@link #reportDropped}, once the message is written or queued.
   *
   * @returns `true` where the caller is to report.
   */
  #beginTaking(): boolean {
    if (this.#isTaking) return false;
    this.#isTaking = true;
    return true;
  }

  #reportDropped(): void {
    this.#isTaking = false;
    // A listener may end the client: what is left is reported before that end, by the call inside this one.
    for (let next = this.#dropped.shift(); next !== undefined; next = this.#dropped.shift())
      this.#handler.onUnsent(next.message, next.cause);
  }

  /**
   * Gives a message to the connection. Where that throws, nothing of the message is kept. A function of the user's may
   * have moved the writer: the outbox is open only while there is one.
   */
  #write(
    outbox: Outbox<Sent, Received, OutboxPayload>,
    entry: Entry,
    data: Sendable,
    options: MessageOptions | undefined,
  ): Promise<void> {
    try {
      return this.#live!.send(data, options, entry);
    } catch (error) {
      outbox.withdraw(entry);
      throw error;
    }
  }

  #stamp(outbox: Outbox<Sent, Received, OutboxPayload>, entry: Entry): void {
    if (this.#options.outbox?.ttl !== undefined) outbox.stamp(entry, this.#runtime.now());
  }

  #queued(
    outbox: Outbox<Sent, Received, OutboxPayload>,
    entry: Entry,
    options: MessageOptions | undefined,
  ): Promise<void> {
    const isMoving = this.#options.outbox === undefined;
    if (!isMoving || outbox.load < this.#options.highWaterMark) return this.#turnGate().pass(entry.size);
    const held = (this.#held ??= new Set());
    // All of them resolve together: those that nothing may withdraw share one promise.
    if (options?.signal === undefined && options?.timeout === undefined) {
      if (this.#sharedHeld === undefined) {
        this.#sharedHeld = new Wait(this.#runtime, "send", undefined);
        held.add(this.#sharedHeld);
      }
      return this.#sharedHeld.promise;
    }
    const wait: Wait = new Wait(this.#runtime, "send", options, (reason) => {
      this.#held?.delete(wait);
      outbox.withdraw(entry);
      this.#handler.onError(reason);
    });
    held.add(wait);
    return wait.promise;
  }

  #takeHeld(): Iterable<Wait> {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#sharedHeld = undefined;
    return held;
  }

  /** @param entry - The message; `undefined` where several calls share the error. */
  #overflowError(
    outbox: Outbox<Sent, Received, OutboxPayload>,
    entry: Entry | undefined,
  ): BufferOverflowError {
    if (this.#options.outbox !== undefined) return outbox.overflowError(entry);
    const { length, bytes } = outbox;
    const { maxBufferedAmount } = this.#options;
    const leavingBytes = this.#leaving?.bufferedAmount ?? 0;
    return movingOverflow(entry?.size, { length, bytes, leavingBytes, maxBufferedAmount });
  }

  #turnGate(): FairnessGate {
    return (this.#gate ??= new FairnessGate(this.#runtime));
  }

  /**
   * Refuses a call: reports the error, and rejects with it.
   * @param kind - Many refusals of one kind in one turn of the event loop share an error.
   */
  refuse(kind: unknown, createError: () => unknown): Promise<never> {
    const { error, promise } = this.#refusalOf(kind, createError);
    this.#handler.onError(error);
    return promise;
  }

  /** Refuses a call that is not possible in the present state. */
  refuseNow(operation: string): Promise<never> {
    return this.refuse(`${operation} ${this.#handler.state}`, () => this.#handler.stateError(operation));
  }

  #refusalOf(kind: unknown, createError: (isShared: boolean) => unknown): Refusal {
    return (this.#refusals ??= new Refusals(this.#runtime)).refuse(kind, createError);
  }

  trySend(value: unknown, data: Sendable, options: MessageOptions | undefined): SendResult {
    const live = this.#live;
    const outbox = this.#outbox;
    if (outbox === undefined) return live === undefined ? "dropped" : resultOf(live.trySend(data, options));
    const entry = entryOf(data, options, live !== undefined && outbox.isClear);
    if (live !== undefined && outbox.isClear) {
      this.#stamp(outbox, entry);
      return resultOf(live.trySend(data, options, entry));
    }
    const isOutermost = this.#beginTaking();
    try {
      const answer = outbox.send(entry, value as Sent, this.#runtime.now());
      if (answer === "write") return this.#tryWrite(outbox, entry, data, options);
      this.#arm();
      return answer === "queued" ? "queued" : "dropped";
    } finally {
      if (isOutermost) this.#reportDropped();
    }
  }

  /** As {@link #write}, for `trySend()`. */
  #tryWrite(
    outbox: Outbox<Sent, Received, OutboxPayload>,
    entry: Entry,
    data: Sendable,
    options: MessageOptions | undefined,
  ): SendResult {
    let result: SendResult = "dropped";
    try {
      result = resultOf(this.#live!.trySend(data, options, entry));
    } finally {
      if (result === "dropped") outbox.withdraw(entry);
    }
    return result;
  }

  /** A message that had gone to the writer was refused there, or taken back by its caller. */
  onWithdrawn(token: unknown): void {
    if (token instanceof OutboxEntry) this.#outbox?.withdraw(token as Entry);
  }

  /** The writer has fallen to its low mark. */
  onDrain(): void {
    this.#isDrainPending = false;
    this.pump();
  }

  /** Gives the writer what waits, as far as it takes it and the policy allows. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#writeWaiting(this.#options.highWaterMark);
    this.#isPumping = false;
    this.#arm();
    if (this.#live !== undefined && (this.#outbox?.waitingCount ?? 0) === 0) this.#flushLive(this.#live);
  }

  #writeWaiting(mark: number): void {
    const outbox = this.#outbox;
    if (outbox === undefined) return;
    while (this.#live !== undefined && this.#live.sendLoad < mark) {
      const entry = outbox.next(this.#runtime.now());
      if (entry === undefined) break;
      const { data, compress } = entry.message;
      this.#live.give(data!, compress === undefined ? undefined : { compress }, entry);
    }
    if (outbox.waitingCount > 0) return;
    if (this.#held !== undefined) for (const wait of this.#takeHeld()) wait.resolve();
    if (this.#options.outbox === undefined && outbox.isClear) this.#outbox = undefined;
  }

  #arm(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    const outbox = this.#outbox;
    // Above the mark the writer calls back.
    const isBlocked = this.#live !== undefined && this.#live.sendLoad >= this.#options.highWaterMark;
    const nextAt = outbox === undefined || isBlocked ? Infinity : outbox.nextAt;
    if (nextAt === Infinity) return;
    this.#timer = this.#runtime.setTimer(Math.max(nextAt - this.#runtime.now(), 0), () => this.#onTimer());
    if (this.#live !== undefined || !this.#isReferenced) this.#timer.unref();
  }

  #onTimer(): void {
    // Without a connection it lets expire what is too old.
    if (this.#live === undefined) this.#outbox?.next(this.#runtime.now());
    this.pump();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#arm();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#arm();
  }

  /** Resolves when all that was accepted is with the kernel; with an outbox that may be on a later connection. */
  flush(options: WaitOptions | undefined): Promise<void> {
    const live = this.#live ?? this.#leaving;
    if (live === undefined && this.#outbox === undefined) return rejected(this.#handler.stateError("flush"));
    if (live === undefined && this.#outbox?.waitingCount === 0) return Promise.resolve();
    const wait: Wait = new Wait(this.#runtime, "flush", options, () => this.#flushes?.delete(wait));
    (this.#flushes ??= new Set()).add(wait);
    if (live !== undefined && (this.#outbox?.waitingCount ?? 0) === 0) this.#flushLive(live);
    return wait.promise;
  }

  /** Nothing waits here any more: who waits for that waits for the writer now. */
  #flushLive(live: LiveConnection): void {
    if (this.#flushes === undefined || this.#flushes.size === 0) return;
    const waits = [...this.#flushes];
    const returns = this.#returns;
    live.flush(undefined).then(
      () => {
        // What came back meanwhile waits for the next connection.
        if (this.#returns !== returns || (this.#outbox?.waitingCount ?? 0) > 0) return;
        for (const wait of waits) if (this.#flushes?.delete(wait) === true) wait.resolve();
      },
      () => undefined,
    );
  }

  /** The client closes: what waits goes at once, as far as the writer takes it. */
  beginClosing(): void {
    this.#outbox?.beginClosing();
    this.#writeWaiting(this.#options.maxBufferedAmount);
  }

  /** The life has ended: what waits is dropped. */
  end(error: unknown): void {
    this.#live = undefined;
    this.#leaving = undefined;
    // The life may have ended from inside a listener of a send: no "dropped" may follow "closed".
    this.#reportDropped();
    this.#outbox?.end("closed");
    if (this.#options.outbox === undefined) this.#outbox = undefined;
    this.#arm();
    this.#rejectWaits(error);
  }
}

function resultOf(isFramed: boolean | undefined): SendResult {
  if (isFramed === undefined) return "dropped";
  return isFramed ? "sent" : "queued";
}
