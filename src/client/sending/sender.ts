// Sends messages over the current connection. Without a connection, messages wait in the outbox. This module does not
// serialize messages and does not write to the socket.
import { ChunkedList } from "../../buffer/chunked-list.js";
import { Outbox } from "../../buffer/outbox.js";
import { OutboxEntry } from "../../buffer/outbox-entry.js";
import type { OutboxDropCause, OutboxPolicy } from "../../buffer/outbox-policy.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import type { UnsentMessage } from "../../connection/message-tokens.js";
import type { MessageOptions } from "../../connection/send-queue.js";
import type { Sendable } from "../../connection/pending-message.js";
import { FlushCalls, type FlushCallsHost } from "./flush-calls.js";
import { rotationOverflow, rotationPolicy } from "./outbox-policies.js";
import { type Entry, entryOf, isMessage, type OutboxPayload, sourceOf } from "./outbox-message.js";
import { type Refusal, Refusals } from "../../connection/refusals.js";
import { FairnessGate } from "../../connection/fairness-gate.js";
import type { BufferOverflowError, InvalidStateError } from "../../errors.js";
import type { State } from "../../events/event-map.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../../runtime/wait.js";

/**
 * The result of `trySend()`.
 *
 * - `sent`: the message was framed.
 * - `queued`: the message waits in the send queue or in the outbox.
 * - `dropped`: the message was not accepted.
 */
export type SendResult = "sent" | "queued" | "dropped";

export interface SenderHandler {
  onError(error: unknown): void;
  /**
   * A call was refused.
   * @param isAborted - True if the caller had aborted the call.
   * @returns the promise that the call returns.
   */
  onRefused(refusal: Refusal, isAborted: boolean): Promise<never>;
  onUnsent(message: unknown, cause: OutboxDropCause): void;
  onDrain(): void;
  readonly state: State;
  /** True if a connection or the outbox accepts messages. */
  readonly isAccepting: boolean;
  stateError(operation: string): InvalidStateError;
}

type SenderOptions = Pick<ResolvedOptions, "outbox" | "highWaterMark" | "maxBufferedAmount">;

type MessageOutbox = Outbox<unknown, unknown, OutboxPayload>;

/** Marks a refusal that a full outbox causes. Several refusals with this mark can share one error. */
const overflowKind: unique symbol = Symbol("overflow");

/** Sends messages in the order of the calls, across connections, reconnects and rotations. */
export class Sender implements FlushCallsHost {
  readonly #runtime: Runtime;
  readonly #options: SenderOptions;
  readonly #handler: SenderHandler;
  /** The outbox of the option `outbox`. Without this option, an outbox exists only during a rotation. */
  #outbox: MessageOutbox | undefined;
  /** The connection that accepts messages; `undefined` if there is none. */
  #live: LiveConnection | undefined;
  /** Fires when a waiting message expires, or when the rate limit permits the next message. */
  #timer: Timer | undefined;
  // The following objects are created on first use.
  #gate: FairnessGate | undefined;
  #refusals: Refusals | undefined;
  #flushCalls: FlushCalls | undefined;
  /** Calls of `send()` that wait during a rotation, because the outbox has reached the high-water mark. */
  #blockedSends: Set<Wait> | undefined;
  /** One promise for all blocked calls of `send()` that have neither a signal nor a timeout. */
  #sharedBlockedSend: Wait | undefined;
  /**
   * True if an earlier connection reached its high-water mark, but ended or was replaced before it emitted `drain`.
   * `drain` is then emitted when the next connection has written the messages that the earlier connection had not sent.
   */
  #isDrainPending = false;
  /** A connection that accepts no new messages. It still writes its accepted messages, or returns them as unsent. */
  #previous: LiveConnection | undefined;
  #returnCount = 0;
  #isPumping = false;
  #isReferenced = true;
  /**
   * True while a message is added to the outbox. The outbox may drop other messages during that time. `dropped` is
   * emitted after the new message was written or queued, because a listener of `dropped` may send a message or end the
   * connection.
   */
  #isQueueing = false;
  /** Messages that the outbox has dropped, and that are not reported yet. Created on first use. */
  #dropped: ChunkedList<{ readonly message: unknown; readonly cause: OutboxDropCause }> | undefined;

  constructor(runtime: Runtime, options: SenderOptions, handler: SenderHandler) {
    this.#runtime = runtime;
    this.#options = options;
    this.#handler = handler;
    const { outbox } = options;
    if (outbox !== undefined) this.#outbox = this.#createOutbox(outbox);
  }

  #createOutbox(policy: OutboxPolicy<unknown, unknown>): MessageOutbox {
    return new Outbox(policy, {
      isAccepting: () => this.#handler.isAccepting,
      onDropped: ({ data }, cause) => {
        (this.#dropped ??= new ChunkedList()).push({ message: sourceOf(data), cause });
        if (!this.#isQueueing) this.#reportDropped();
      },
      onError: (error) => this.#handler.onError(error),
    });
  }

  /** The number of messages in the outbox: waiting messages and unacknowledged messages. */
  get keptCount(): number {
    return this.#outbox?.length ?? 0;
  }

  get keptBytes(): number {
    return this.#outbox?.bytes ?? 0;
  }

  /** A message was received. This message may acknowledge sent messages. */
  received(message: unknown): void {
    this.#outbox?.received(message);
  }

  /** Uses the new connection `live` from now on. The waiting messages are sent first. */
  attach(live: LiveConnection): void {
    if (live.isClosing) return;
    this.#outbox?.open();
    this.resume(live);
    if (this.#isDrainPending) this.#emitDrainAfterFlush(live);
  }

  /** A rotation begins. New messages wait in the outbox until {@link move} or {@link resume} is called. */
  hold(): void {
    // `maxBufferedAmount` limits the sum of the waiting messages and the unwritten messages of the previous connection.
    this.#outbox ??= this.#createOutbox(
      rotationPolicy(() => this.#options.maxBufferedAmount - (this.#previous?.sendLoad ?? 0)),
    );
    this.#outbox.pause();
    this.#previous = this.#live;
    this.#live = undefined;
  }

  /**
   * Emits `drain` after the connection `live` has written the messages that the previous connection had left unsent.
   */
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

  /** The rotation was cancelled. Uses `live` again, the connection that was in use before {@link hold}. */
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
   * @param unsent - The unsent messages of the connection. Unsent messages return to the outbox. Without the option
   *   `outbox`, they are reported as dropped.
   * @param error - Calls whose messages are dropped reject with this error.
   * @param isDrainPending - True if the connection had reached its high-water mark and did not emit `drain`.
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
    for (const wait of this.#flushCalls?.takeAll() ?? []) wait.reject(error);
    for (const wait of this.#takeBlockedSends()) wait.reject(error);
  }

  /** Moves unsent messages back to the outbox. Messages without an outbox entry are reported as dropped. */
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
    // A listener of `dropped` may send a new message. The outbox already contains the unsent messages of the ended
    // connection, so the new message is queued after these messages.
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
   * Completes the rotation that {@link hold} began. Uses the connection `live` from now on.
   *
   * @param unsent - The messages that the previous connection has not begun to write. They are sent before all other
   *   messages.
   */
  move(unsent: readonly UnsentMessage[], live: LiveConnection, isDrainPending: boolean): void {
    this.#isDrainPending ||= isDrainPending;
    const returned = unsent.map(({ data, token }) => {
      const isNew = this.#options.outbox === undefined && token === undefined;
      return { data, token: isNew ? entryOf(data, undefined, false) : token };
    });
    this.#returnUnsent(returned);
    this.attach(live);
  }

  /**
   * Sends a message over the connection, or adds it to the outbox.
   *
   * @param operation - The name of the public method, for error messages.
   * @param value - The message before serialization. It is passed to the functions of the option `outbox`.
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
    const isDirect = live !== undefined && outbox.isClear;
    // The queue refuses this message, so no entry is created: millions of refused entries would fill the memory.
    if (isDirect && live.queue.isFullFor(data)) return live.queue.send(data, options);
    const entry = entryOf(data, options, isDirect);
    if (isDirect) {
      this.#stamp(outbox, entry);
      return live.queue.send(data, options, entry);
    }
    const isOutermost = !this.#isQueueing;
    this.#isQueueing = true;
    try {
      const answer = outbox.send(entry, value, this.#runtime.now());
      if (answer === "write") return this.#write(outbox, entry, data, options);
      if (answer === "ended") return this.refuseForState(operation);
      this.#updateTimer();
      if (answer === "queued") return this.#queued(outbox, entry, options);
      this.#refusals ??= new Refusals(this.#runtime);
      const { error, promise } = this.#refusals.refuse(overflowKind, () => this.#overflowError(outbox));
      // A refused message is reported by the event `error`, a dropped message by the event `dropped`.
      if (answer === "refused") this.#handler.onError(error);
      return promise;
    } finally {
      if (isOutermost) this.#reportDropped();
    }
  }

  #reportDropped(): void {
    this.#isQueueing = false;
    // A listener of `dropped` may end the client. `end()` then reports the remaining messages before the client ends.
    for (let next = this.#dropped?.shift(); next !== undefined; next = this.#dropped?.shift())
      this.#handler.onUnsent(next.message, next.cause);
  }

  /** Passes a message to the current connection. If the connection throws, the message is removed from the outbox. */
  #write(
    outbox: MessageOutbox,
    entry: Entry,
    data: Sendable,
    options: MessageOptions | undefined,
  ): Promise<void> {
    try {
      // A function of the option `outbox` may have changed the connection, so `#live` is read again.
      return this.#live!.queue.send(data, options, entry);
    } catch (error) {
      outbox.withdraw(entry);
      throw error;
    }
  }

  #stamp(outbox: MessageOutbox, entry: Entry): void {
    if (this.#options.outbox?.ttl !== undefined) outbox.stamp(entry, this.#runtime.now());
  }

  #queued(outbox: MessageOutbox, entry: Entry, options: MessageOptions | undefined): Promise<void> {
    const isTemporary = this.#options.outbox === undefined;
    if (!isTemporary || outbox.load < this.#options.highWaterMark)
      return (this.#gate ??= new FairnessGate(this.#runtime)).pass(entry.size);
    const blockedSends = (this.#blockedSends ??= new Set());
    // All blocked calls resolve at the same time. Calls that have neither a signal nor a timeout share one promise.
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

  #overflowError(outbox: MessageOutbox): BufferOverflowError {
    if (this.#options.outbox !== undefined) return outbox.overflowError();
    const { length, bytes } = outbox;
    const { maxBufferedAmount } = this.#options;
    const previousBytes = this.#previous?.bufferedAmount ?? 0;
    return rotationOverflow({ length, bytes, previousBytes, maxBufferedAmount });
  }

  /**
   * Refuses a call: reports an error, and returns a promise that rejects with this error.
   *
   * @param kind - Many refusals of the same kind in one turn of the event loop share one error.
   */
  refuse(kind: unknown, createError: () => unknown, isAborted: boolean = false): Promise<never> {
    this.#refusals ??= new Refusals(this.#runtime);
    return this.#handler.onRefused(this.#refusals.refuse(kind, createError), isAborted);
  }

  /** Refuses a call that is not possible in the current state of the client. */
  refuseForState(operation: string): Promise<never> {
    return this.refuse(`${operation} ${this.#handler.state}`, () => {
      const error = this.#handler.stateError(operation);
      // Removes the innermost stack frames. Node keeps only ten stack frames, and those of the application matter more.
      Error.captureStackTrace(error, Reflect.get(this, "refuseForState"));
      return error;
    });
  }

  /** Like {@link send}, but returns the result instead of a promise. */
  trySend(value: unknown, data: Sendable, options: MessageOptions | undefined): SendResult {
    const live = this.#live;
    const outbox = this.#outbox;
    if (outbox === undefined)
      return live === undefined ? "dropped" : resultOf(live.queue.trySend(data, options));
    const isDirect = live !== undefined && outbox.isClear;
    const entry = entryOf(data, options, isDirect);
    if (isDirect) {
      this.#stamp(outbox, entry);
      return resultOf(live.queue.trySend(data, options, entry));
    }
    const isOutermost = !this.#isQueueing;
    this.#isQueueing = true;
    try {
      const answer = outbox.send(entry, value, this.#runtime.now());
      if (answer === "write") return this.#tryWrite(outbox, entry, data, options);
      this.#updateTimer();
      return answer === "queued" ? "queued" : "dropped";
    } finally {
      if (isOutermost) this.#reportDropped();
    }
  }

  /** Like {@link #write}, but for {@link trySend}. A refused message is also removed from the outbox. */
  #tryWrite(
    outbox: MessageOutbox,
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

  /** The connection has refused a message, or the caller has cancelled the call. */
  onWithdrawn(token: unknown): void {
    if (token instanceof OutboxEntry) this.#outbox?.withdraw(token as Entry);
  }

  /** The send queue of the connection has drained to the low-water mark. */
  onDrain(): void {
    this.#isDrainPending = false;
    this.pump();
  }

  /** Passes waiting messages to the connection, until the high-water mark or the rate limit is reached. */
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
    // Above the high-water mark, no timer is needed: the connection calls `onDrain` later.
    const isBlocked = this.#live !== undefined && this.#live.sendLoad >= this.#options.highWaterMark;
    const nextAt = outbox === undefined || isBlocked ? Infinity : outbox.nextAt;
    if (nextAt === Infinity) return;
    this.#timer = this.#runtime.setTimer(Math.max(nextAt - this.#runtime.now(), 0), () => {
      // Without a connection, `next()` only removes expired messages.
      if (this.#live === undefined) this.#outbox?.next(this.#runtime.now());
      this.pump();
    });
    if (this.#live !== undefined || !this.#isReferenced) this.#timer.unref();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#updateTimer();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#updateTimer();
  }

  /**
   * Resolves after all accepted messages were passed to the kernel. With an outbox, a later connection may pass the
   * messages to the kernel.
   */
  flush(options: WaitOptions | undefined): Promise<void> {
    const live = this.#live ?? this.#previous;
    if (live === undefined && this.#outbox === undefined) return rejected(this.#handler.stateError("flush"));
    if (live === undefined && this.#outbox?.waitingCount === 0) return Promise.resolve();
    return (this.#flushCalls ??= new FlushCalls(this.#runtime, this)).add(live, options);
  }

  // The pending calls of `flush()` read the following properties.

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
   * The client closes. Passes waiting messages to the connection, up to `maxBufferedAmount` and without a rate limit.
   */
  beginClosing(): void {
    this.#outbox?.beginClosing();
    this.#writeWaiting(this.#options.maxBufferedAmount);
  }

  /** The client has ended. Drops the waiting messages. */
  end(error: unknown): void {
    this.#live = undefined;
    this.#previous = undefined;
    // A listener of `dropped` may have ended the client. The event `dropped` must not follow the event `closed`.
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
