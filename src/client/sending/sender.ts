// Sends messages over the current connection, and stores them in the outbox while there is none. It does not serialize
// messages and does not write to the socket.
import { ChunkedList } from "../../buffer/chunked-list.js";
import { Outbox } from "../../buffer/outbox.js";
import { OutboxEntry } from "../../buffer/outbox-entry.js";
import type { OutboxDropCause, OutboxPolicy } from "../../buffer/outbox-policy.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import type { MessageOptions } from "../../connection/send-queue.js";
import type { Sendable } from "../../connection/pending-message.js";
import { FlushCalls, type FlushCallsHost } from "./flush-calls.js";
import { rotationOverflow, rotationPolicy, policyOf } from "./outbox-policies.js";
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
  /** A call was refused. @returns the promise that the call returns. @param isAborted - The caller aborted the call. */
  onRefused(refusal: Refusal, isAborted: boolean): Promise<never>;
  onUnsent(message: unknown, cause: OutboxDropCause): void;
  onDrain(): void;
  readonly state: State;
  /** `true` if messages are accepted, by a connection or by the outbox. */
  readonly isAccepting: boolean;
  stateError(operation: string): InvalidStateError;
}

type SenderOptions<Received, Sent> = Pick<
  ResolvedOptions<Received, Sent>,
  "outbox" | "highWaterMark" | "maxBufferedAmount"
>;

/** The kind of the refusals by a full outbox: such refusals may share one error. */
const overflowKind: unique symbol = Symbol("overflow");

/** Sends messages in the order of the calls, across connections, reconnects and rotations. */
export class Sender<Received, Sent> implements FlushCallsHost {
  readonly #runtime: Runtime;
  readonly #options: SenderOptions<Received, Sent>;
  readonly #handler: SenderHandler;
  /** Without the option `outbox`, it exists only during a rotation. */
  #outbox: Outbox<Sent, Received, OutboxPayload> | undefined;
  /** The connection over which messages are sent; `undefined` while there is none. */
  #live: LiveConnection | undefined;
  /** Set for the next expiry or, with a rate limit, for the next permitted message. */
  #timer: Timer | undefined;
  // The following objects are created on first use.
  #gate: FairnessGate | undefined;
  #refusals: Refusals | undefined;
  #flushCalls: FlushCalls | undefined;
  /** Calls of `send()` that wait during a rotation, because the outbox is above the high-water mark. */
  #blockedSends: Set<Wait> | undefined;
  /** The wait that is shared by all blocked sends without a signal and a timeout. */
  #sharedBlockedSend: Wait | undefined;
  /**
   * A connection ended above its high-water mark. `drain` is emitted when the next connection has written the messages.
   */
  #isDrainPending = false;
  /**
   * The connection before the current one. It accepts no messages, but still writes its own or returns them as unsent.
   */
  #previous: LiveConnection | undefined;
  #returnCount = 0;
  #isPumping = false;
  #isReferenced = true;
  /** A message is being added to the outbox. */
  #isQueueing = false;
  /**
   * Messages that the outbox dropped meanwhile. They are reported after the new message was added. Created on first use.
   */
  #dropped: ChunkedList<{ readonly message: unknown; readonly cause: OutboxDropCause }> | undefined;

  constructor(runtime: Runtime, options: SenderOptions<Received, Sent>, handler: SenderHandler) {
    this.#runtime = runtime;
    this.#options = options;
    this.#handler = handler;
    const { outbox } = options;
    if (outbox !== undefined) this.#outbox = this.#createOutbox(policyOf(outbox));
  }

  #createOutbox(policy: OutboxPolicy<Sent, Received>): Outbox<Sent, Received, OutboxPayload> {
    return new Outbox<Sent, Received, OutboxPayload>(policy, {
      isAccepting: () => this.#handler.isAccepting,
      onDropped: ({ data }, cause) => this.#onDropped(sourceOf(data), cause),
      onError: (error) => this.#handler.onError(error),
    });
  }

  #onDropped(message: unknown, cause: OutboxDropCause): void {
    (this.#dropped ??= new ChunkedList()).push({ message, cause });
    if (!this.#isQueueing) this.#reportDropped();
  }

  /** The number of messages in the outbox: those that wait, and those that are not acknowledged. */
  get keptCount(): number {
    return this.#outbox?.length ?? 0;
  }

  get keptBytes(): number {
    return this.#outbox?.bytes ?? 0;
  }

  /** `true` if every received message must be passed to {@link received}. */
  get needsReceivedMessages(): boolean {
    return this.#options.outbox?.acknowledges !== undefined;
  }

  /** A message was received, which may acknowledge sent messages. */
  received(message: Received): void {
    this.#outbox?.received(message);
  }

  /** Sends over `live` from now on, the waiting messages first. */
  attach(live: LiveConnection): void {
    // The connection may already be closing.
    if (live.isClosing) return;
    this.#live = live;
    this.#previous = undefined;
    this.#outbox?.open();
    this.pump();
    if (this.#isDrainPending) this.#emitDrainAfterFlush(live);
  }

  /** A rotation begins: newer messages wait in the outbox until {@link move} or {@link resume}. */
  hold(): void {
    // One limit applies to the waiting messages and the unwritten messages of the previous connection together.
    this.#outbox ??= this.#createOutbox(
      rotationPolicy(() => this.#options.maxBufferedAmount - (this.#previous?.sendLoad ?? 0)),
    );
    this.#outbox.pause();
    this.#previous = this.#live;
    this.#live = undefined;
  }

  /** Emits `drain` when the returned messages were written. */
  #emitDrainAfterFlush(live: LiveConnection): void {
    live.queue.flush(undefined).then(
      () => {
        if (!this.#isDrainPending || this.#live !== live) return;
        this.#isDrainPending = false;
        this.#handler.onDrain();
      },
      () => undefined,
    );
  }

  /** The rotation was cancelled: sends over the connection that was used before {@link hold}. */
  resume(live: LiveConnection): void {
    if (live.isClosing) return;
    this.#live = live;
    this.#previous = undefined;
    this.#outbox?.resume();
    this.pump();
  }

  /**
   * The connection has ended.
   *
   * @param unsent - Its unsent messages. They return to the outbox; without one they are reported as dropped.
   * @param error - The rejection of calls whose messages are dropped.
   * @param isDrainPending - The connection was above its high-water mark and did not emit `drain`.
   */
  lost(unsent: readonly UnsentMessage[], error: unknown, isDrainPending: boolean): void {
    this.#isDrainPending ||= isDrainPending;
    this.#returnUnsent(unsent);
    if (this.#options.outbox !== undefined) return;
    const rotationOutbox = this.#outbox;
    this.#outbox = undefined;
    this.#rejectPendingCalls(error);
    rotationOutbox?.end("unsent");
    this.#updateTimer();
  }

  #rejectPendingCalls(error: unknown): void {
    const pendingCalls = [...(this.#flushCalls?.takeAll() ?? []), ...this.#takeBlockedSends()];
    for (const wait of pendingCalls) wait.reject(error);
  }

  /** Moves unsent messages back to the outbox, and reports those that have no outbox entry as dropped. */
  #returnUnsent(unsent: readonly UnsentMessage[]): void {
    this.#live = undefined;
    this.#previous = undefined;
    this.#returnCount++;
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
    outbox?.connectionLost(entries, this.#runtime.now());
    this.#updateTimer();
    // A listener may send. Its message must be queued after the returned messages.
    for (const data of dropped) this.#handler.onUnsent(sourceOf(data), "unsent");
  }

  /** The connection accepts no more messages. {@link lost} returns its unsent messages later. */
  detach(): void {
    this.#previous = this.#live ?? this.#previous;
    this.#live = undefined;
    this.#outbox?.pause();
    this.#updateTimer();
  }

  /**
   * Completes the rotation that {@link hold} began: sends over `live` from now on.
   *
   * @param unsent - The messages of which the previous connection wrote no byte. They are sent first.
   */
  move(unsent: readonly UnsentMessage[], live: LiveConnection, isDrainPending: boolean): void {
    this.#isDrainPending ||= isDrainPending;
    const hasOutboxOption = this.#options.outbox !== undefined;
    const returned = unsent.filter(isMessage).map(({ data, token }) => {
      const isNew = !hasOutboxOption && token === undefined;
      return { data, token: isNew ? entryOf(data, undefined, false) : token };
    });
    this.#returnUnsent(returned);
    this.attach(live);
  }

  /**
   * Sends a message over the connection, or adds it to the outbox.
   *
   * @param operation - The name of the public method, for error messages.
   * @param value - The message before serialization, for the functions of the option `outbox`.
   */
  send(
    operation: string,
    value: unknown,
    data: Sendable,
    options: MessageOptions | undefined,
  ): Promise<void> {
    const live = this.#live;
    const outbox = this.#outbox;
    if (outbox === undefined)
      return live === undefined ? this.refuseForState(operation) : live.queue.send(data, options);
    const reason: unknown = options?.signal?.reason;
    if (options?.signal?.aborted === true) return this.refuse(reason, () => reason, true);
    // The connection will refuse the message, so no entry is created. When many entries exist, V8 moves new ones to the
    // old generation, which entries for millions of refused messages would fill.
    if (live !== undefined && outbox.isClear && live.queue.isFullFor(data))
      return live.queue.send(data, options);
    const entry = entryOf(data, options, live !== undefined && outbox.isClear);
    if (live !== undefined && outbox.isClear) {
      this.#stamp(outbox, entry);
      return live.queue.send(data, options, entry);
    }
    const isOutermost = this.#beginQueueing();
    try {
      const answer = outbox.send(entry, value as Sent, this.#runtime.now());
      if (answer === "write") return this.#write(outbox, entry, data, options);
      if (answer === "ended") return this.refuseForState(operation);
      this.#updateTimer();
      if (answer === "queued") return this.#queued(outbox, entry, options);
      const { error, promise } = this.#createRefusal(overflowKind, (isShared) =>
        this.#overflowError(outbox, isShared ? undefined : entry),
      );
      // A dropped message was already reported by `dropped`, so only a refusal is reported as an error.
      if (answer === "refused") this.#handler.onError(error);
      return promise;
    } finally {
      if (isOutermost) this.#reportDropped();
    }
  }

  /**
   * Delays reports of dropped messages. The outbox may drop messages to add a new one, and a listener of `dropped` may
   * send or end the connection. {@link #reportDropped} therefore reports them after the new message was written or
   * queued.
   *
   * @returns `true` if the caller must call {@link #reportDropped}.
   */
  #beginQueueing(): boolean {
    if (this.#isQueueing) return false;
    this.#isQueueing = true;
    return true;
  }

  #reportDropped(): void {
    this.#isQueueing = false;
    // A listener may end the client. The nested call that this causes reports the remaining messages before the end.
    for (let next = this.#dropped?.shift(); next !== undefined; next = this.#dropped?.shift())
      this.#handler.onUnsent(next.message, next.cause);
  }

  /**
   * Passes a message to the connection. If that throws, the message is removed from the outbox. The current connection
   * is read again, because a user function may have changed it; the outbox answers `"write"` only while there is one.
   */
  #write(
    outbox: Outbox<Sent, Received, OutboxPayload>,
    entry: Entry,
    data: Sendable,
    options: MessageOptions | undefined,
  ): Promise<void> {
    try {
      return this.#live!.queue.send(data, options, entry);
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
    const isTemporary = this.#options.outbox === undefined;
    if (!isTemporary || outbox.load < this.#options.highWaterMark)
      return (this.#gate ??= new FairnessGate(this.#runtime)).pass(entry.size);
    const blockedSends = (this.#blockedSends ??= new Set());
    // All blocked sends resolve at the same time. Those without a signal or timeout share one promise.
    if (options?.signal === undefined && options?.timeout === undefined) {
      if (this.#sharedBlockedSend === undefined) {
        this.#sharedBlockedSend = new Wait(this.#runtime, "send", undefined);
        blockedSends.add(this.#sharedBlockedSend);
      }
      return this.#sharedBlockedSend.promise;
    }
    const wait: Wait = new Wait(this.#runtime, "send", options, (reason) => {
      this.#blockedSends?.delete(wait);
      outbox.withdraw(entry);
      this.#handler.onError(reason);
    });
    blockedSends.add(wait);
    return wait.promise;
  }

  #takeBlockedSends(): Iterable<Wait> {
    const blockedSends = this.#blockedSends ?? [];
    this.#blockedSends = undefined;
    this.#sharedBlockedSend = undefined;
    return blockedSends;
  }

  /** @param entry - The refused message; `undefined` if several calls share the error. */
  #overflowError(
    outbox: Outbox<Sent, Received, OutboxPayload>,
    entry: Entry | undefined,
  ): BufferOverflowError {
    if (this.#options.outbox !== undefined) return outbox.overflowError(entry);
    const { length, bytes } = outbox;
    const { maxBufferedAmount } = this.#options;
    const previousBytes = this.#previous?.bufferedAmount ?? 0;
    return rotationOverflow(entry?.size, { length, bytes, previousBytes, maxBufferedAmount });
  }

  /**
   * Reports an error and returns a promise that is rejected with it. If neither is observed, the process gets a warning.
   *
   * @param kind - Many refusals of the same kind in one turn of the event loop share an error.
   */
  refuse(kind: unknown, createError: () => unknown, isAborted: boolean = false): Promise<never> {
    return this.#handler.onRefused(this.#createRefusal(kind, createError), isAborted);
  }

  /** Refuses a call that is not possible in the current state. */
  refuseForState(operation: string): Promise<never> {
    return this.refuse(`${operation} ${this.#handler.state}`, () => {
      const error = this.#handler.stateError(operation);
      // The stack begins at the public method. Node keeps ten frames, and those of this package would fill most of them.
      Error.captureStackTrace(error, Reflect.get(this, "refuseForState"));
      return error;
    });
  }

  /** Creates the error and the promise of a refused call, or returns shared ones. */
  #createRefusal(kind: unknown, createError: (isShared: boolean) => unknown): Refusal {
    return (this.#refusals ??= new Refusals(this.#runtime)).refuse(kind, createError);
  }

  /** The same as {@link send}, but synchronous and without a wait. */
  trySend(value: unknown, data: Sendable, options: MessageOptions | undefined): SendResult {
    const live = this.#live;
    const outbox = this.#outbox;
    if (outbox === undefined)
      return live === undefined ? "dropped" : resultOf(live.queue.trySend(data, options));
    const entry = entryOf(data, options, live !== undefined && outbox.isClear);
    if (live !== undefined && outbox.isClear) {
      this.#stamp(outbox, entry);
      return resultOf(live.queue.trySend(data, options, entry));
    }
    const isOutermost = this.#beginQueueing();
    try {
      const answer = outbox.send(entry, value as Sent, this.#runtime.now());
      if (answer === "write") return this.#tryWrite(outbox, entry, data, options);
      this.#updateTimer();
      return answer === "queued" ? "queued" : "dropped";
    } finally {
      if (isOutermost) this.#reportDropped();
    }
  }

  /** The same as {@link #write}, for `trySend()`. */
  #tryWrite(
    outbox: Outbox<Sent, Received, OutboxPayload>,
    entry: Entry,
    data: Sendable,
    options: MessageOptions | undefined,
  ): SendResult {
    let result: SendResult = "dropped";
    try {
      result = resultOf(this.#live!.queue.trySend(data, options, entry));
    } finally {
      if (result === "dropped") outbox.withdraw(entry);
    }
    return result;
  }

  /** The connection refused a message, or the caller withdrew it. */
  onWithdrawn(token: unknown): void {
    if (token instanceof OutboxEntry) this.#outbox?.withdraw(token as Entry);
  }

  /** The connection has drained to its low-water mark. */
  onDrain(): void {
    this.#isDrainPending = false;
    this.pump();
  }

  /** Passes waiting messages to the connection, up to its high-water mark and the rate limit. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#writeWaiting(this.#options.highWaterMark);
    this.#isPumping = false;
    this.#updateTimer();
    this.#flushCalls?.proceed();
  }

  #writeWaiting(mark: number): void {
    const outbox = this.#outbox;
    if (outbox === undefined) return;
    while (this.#live !== undefined && this.#live.sendLoad < mark) {
      const entry = outbox.next(this.#runtime.now());
      if (entry === undefined) break;
      const { data, compress } = entry.message;
      this.#live.queue.sendAccepted(data!, compress === undefined ? undefined : { compress }, entry);
    }
    if (outbox.waitingCount > 0) return;
    if (this.#blockedSends !== undefined) for (const wait of this.#takeBlockedSends()) wait.resolve();
    if (this.#options.outbox === undefined && outbox.isClear) this.#outbox = undefined;
  }

  #updateTimer(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    const outbox = this.#outbox;
    // Above the high-water mark no timer is needed: the connection calls `onDrain`.
    const isBlocked = this.#live !== undefined && this.#live.sendLoad >= this.#options.highWaterMark;
    const nextAt = outbox === undefined || isBlocked ? Infinity : outbox.nextAt;
    if (nextAt === Infinity) return;
    this.#timer = this.#runtime.setTimer(Math.max(nextAt - this.#runtime.now(), 0), () => this.#onTimer());
    if (this.#live !== undefined || !this.#isReferenced) this.#timer.unref();
  }

  #onTimer(): void {
    // Without a connection, this call only removes expired messages.
    if (this.#live === undefined) this.#outbox?.next(this.#runtime.now());
    this.pump();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#updateTimer();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#updateTimer();
  }

  /** Resolves when all accepted messages were passed to the kernel; with an outbox, possibly on a later connection. */
  flush(options: WaitOptions | undefined): Promise<void> {
    const live = this.#live ?? this.#previous;
    if (live === undefined && this.#outbox === undefined) return rejected(this.#handler.stateError("flush"));
    if (live === undefined && this.#outbox?.waitingCount === 0) return Promise.resolve();
    return (this.#flushCalls ??= new FlushCalls(this.#runtime, this)).add(live, options);
  }

  // The following properties are read by the flush calls.

  get live(): LiveConnection | undefined {
    return this.#live;
  }

  get waitingCount(): number {
    return this.#outbox?.waitingCount ?? 0;
  }

  get returnCount(): number {
    return this.#returnCount;
  }

  /**
   * The client closes: passes waiting messages to the connection, up to `maxBufferedAmount` and without a rate limit.
   */
  beginClosing(): void {
    this.#outbox?.beginClosing();
    this.#writeWaiting(this.#options.maxBufferedAmount);
  }

  /** The client has ended: drops the waiting messages. */
  end(error: unknown): void {
    this.#live = undefined;
    this.#previous = undefined;
    // A listener of `dropped` may have ended the client during a send. No `dropped` may follow `closed`.
    this.#reportDropped();
    this.#outbox?.end("closed");
    if (this.#options.outbox === undefined) this.#outbox = undefined;
    this.#updateTimer();
    this.#rejectPendingCalls(error);
  }
}

function resultOf(isFramed: boolean | undefined): SendResult {
  if (isFramed === undefined) return "dropped";
  return isFramed ? "sent" : "queued";
}
