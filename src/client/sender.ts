import { Outbox } from "../buffer/outbox.js";
import { OutboxEntry } from "../buffer/outbox-entry.js";
import type { OutboxDropCause, OutboxPolicy } from "../buffer/outbox-policy.js";
import type { LiveConnection } from "../connection/live-connection.js";
import type { UnsentMessage } from "../connection/message-tokens.js";
import type { MessageOptions } from "../connection/send-queue.js";
import type { Sendable } from "../connection/pending-message.js";
import { type Entry, entryOf, isMessage, type Outgoing, sourceOf } from "./outbox-message.js";
import { TurnGate } from "../connection/turn-gate.js";
import type { InvalidStateError } from "../errors.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { Runtime, Timer } from "../runtime/runtime.js";
import { handled, rejected, Wait, type WaitOptions } from "../runtime/wait.js";

export type SendResult = "sent" | "queued" | "dropped";

export interface SenderHandler {
  onError(error: unknown): void;
  onUnsent(message: unknown, cause: OutboxDropCause): void;
  onDrain(): void;
  stateError(operation: string): InvalidStateError;
}

type SenderOptions<Received, Sent> = Pick<
  ResolvedOptions<Received, Sent>,
  "outbox" | "highWaterMark" | "maxBufferedAmount"
>;

/** What a refusal counts for, in bytes, among what is accepted in a turn of the event loop. */
const refusalWork = 1024;

/** Brings messages to the connection that takes them, and to the outbox while there is none, in the order of the calls. */
export class Sender<Received, Sent> {
  readonly #runtime: Runtime;
  readonly #options: SenderOptions<Received, Sent>;
  readonly #handler: SenderHandler;
  /** Without the option there is one only while the writer moves. */
  #outbox: Outbox<Sent, Received, Outgoing> | undefined;
  #live: LiveConnection | undefined;
  #timer: Timer | undefined;
  /** Made when it is first needed, as the two sets. */
  #gate: TurnGate | undefined;
  #flushes: Set<Wait> | undefined;
  /** Sends while the writer moves, above the high-water mark. */
  #held: Set<Wait> | undefined;
  /** A connection was above its mark and is left: whoever waits for `drain` is told on the next one. */
  #owesDrain = false;
  /** Takes nothing more, and may still write what it has, or give it back. */
  #leaving: LiveConnection | undefined;
  /** How often messages came back from a connection. */
  #returns = 0;
  #isPumping = false;
  #isReferenced = true;

  constructor(runtime: Runtime, options: SenderOptions<Received, Sent>, handler: SenderHandler) {
    this.#runtime = runtime;
    this.#options = options;
    this.#handler = handler;
    const { outbox } = options;
    if (outbox !== undefined) this.#outbox = this.#createOutbox(policyOf(outbox));
  }

  #createOutbox(policy: OutboxPolicy<Sent, Received>): Outbox<Sent, Received, Outgoing> {
    return new Outbox<Sent, Received, Outgoing>(policy, {
      onDropped: ({ data }, cause) => this.#handler.onUnsent(sourceOf(data), cause),
      onError: (error) => this.#handler.onError(error),
    });
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
    this.#outbox?.open(this.#runtime.now());
    this.pump();
    if (this.#owesDrain) this.#drainBehind(live);
  }

  /** The writer is about to move to another connection: newer messages wait. */
  hold(): void {
    this.#outbox ??= this.#createOutbox({
      ...{ capacity: Infinity, maxBytes: this.#options.maxBufferedAmount, ttl: undefined, overflow: "error" },
      ...{ perSecond: undefined, keyOf: undefined, acknowledgement: undefined },
    });
    this.#outbox.hold();
    this.#leaving = this.#live;
    this.#live = undefined;
  }

  /** What came back is written: there is room again. */
  #drainBehind(live: LiveConnection): void {
    live.flush(undefined).then(
      () => {
        if (!this.#owesDrain || this.#live !== live) return;
        this.#owesDrain = false;
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
   * @param owesDrain - It was above its mark, and `drain` has not come.
   */
  lost(unsent: readonly UnsentMessage[], error: unknown, owesDrain: boolean): void {
    this.#owesDrain ||= owesDrain;
    this.#takeBack(unsent);
    if (this.#options.outbox !== undefined) return;
    const moving = this.#outbox;
    this.#outbox = undefined;
    this.#rejectWaits(error);
    moving?.end("unsent");
    this.#arm();
  }

  #rejectWaits(error: unknown): void {
    const waits = [...(this.#flushes ?? []), ...(this.#held ?? [])];
    this.#flushes = undefined;
    this.#held = undefined;
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
  move(unsent: readonly UnsentMessage[], live: LiveConnection, owesDrain: boolean): void {
    this.#owesDrain ||= owesDrain;
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
      if (live === undefined) return this.#refuse(this.#handler.stateError(operation));
      return live.send(data, options);
    }
    if (options?.signal?.aborted === true) return this.#refuse(options.signal.reason);
    const entry = entryOf(data, options, live !== undefined && outbox.isClear);
    if (live !== undefined && outbox.isClear) return live.send(data, options, entry);
    const answer = outbox.send(entry, value as Sent, this.#runtime.now());
    if (answer === "write") return live!.send(data, options, entry);
    this.#arm();
    if (answer === "queued") return this.#queued(outbox, entry, options);
    const error = outbox.overflowError(entry);
    return answer === "dropped" ? this.#reject(error) : this.#refuse(error);
  }

  #queued(
    outbox: Outbox<Sent, Received, Outgoing>,
    entry: Entry,
    options: MessageOptions | undefined,
  ): Promise<void> {
    const isMoving = this.#options.outbox === undefined;
    if (!isMoving || outbox.bytes < this.#options.highWaterMark) return this.#turnGate().pass(entry.size);
    const wait: Wait = new Wait(this.#runtime, "send", options, (reason) => {
      this.#held?.delete(wait);
      outbox.withdraw(entry);
      this.#handler.onError(reason);
    });
    (this.#held ??= new Set()).add(wait);
    return wait.promise;
  }

  #turnGate(): TurnGate {
    return (this.#gate ??= new TurnGate(this.#runtime));
  }

  #refuse(error: unknown): Promise<never> {
    this.#handler.onError(error);
    return this.#reject(error);
  }

  /** A loop that awaits nothing but refusals must not starve timers and I/O either. */
  #reject(error: unknown): Promise<never> {
    const turn = this.#turnGate().turn(refusalWork);
    return turn === undefined ? rejected(error) : handled(turn.then(() => rejected<never>(error)));
  }

  trySend(value: unknown, data: Sendable, options: MessageOptions | undefined): SendResult {
    const live = this.#live;
    const outbox = this.#outbox;
    if (outbox === undefined) return live === undefined ? "dropped" : resultOf(live.trySend(data, options));
    const entry = entryOf(data, options, live !== undefined && outbox.isClear);
    const answer =
      live !== undefined && outbox.isClear ? "write" : outbox.send(entry, value as Sent, this.#runtime.now());
    if (answer === "write") {
      const result = resultOf(live!.trySend(data, options, entry));
      if (result === "dropped") outbox.withdraw(entry);
      return result;
    }
    this.#arm();
    return answer === "queued" ? "queued" : "dropped";
  }

  /** A message that had gone to the writer was refused there, or taken back by its caller. */
  onWithdrawn(token: unknown): void {
    if (token instanceof OutboxEntry) this.#outbox?.withdraw(token as Entry);
  }

  /** The writer has fallen to its low mark. */
  onDrain(): void {
    this.#owesDrain = false;
    this.pump();
  }

  /** Gives the writer what waits, as far as it takes it and the policy allows. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#giveToWriter(this.#options.highWaterMark);
    this.#isPumping = false;
    this.#arm();
    if (this.#live !== undefined && (this.#outbox?.waitingCount ?? 0) === 0) this.#flushLive(this.#live);
  }

  #giveToWriter(mark: number): void {
    const outbox = this.#outbox;
    if (outbox === undefined) return;
    while (this.#live !== undefined && this.#live.bufferedAmount < mark) {
      const entry = outbox.next(this.#runtime.now());
      if (entry === undefined) break;
      const { data, compress } = entry.message;
      this.#live.give(data!, compress === undefined ? undefined : { compress }, entry);
    }
    if (outbox.waitingCount > 0) return;
    for (const wait of this.#held ?? []) wait.resolve();
    this.#held = undefined;
    if (this.#options.outbox === undefined && outbox.isClear) this.#outbox = undefined;
  }

  #arm(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    const outbox = this.#outbox;
    // Above the mark the writer calls back.
    const isBlocked = this.#live !== undefined && this.#live.bufferedAmount >= this.#options.highWaterMark;
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
    this.#giveToWriter(this.#options.maxBufferedAmount);
  }

  /** The life has ended: what waits is dropped. */
  end(error: unknown): void {
    this.#live = undefined;
    this.#leaving = undefined;
    this.#outbox?.end("closed");
    if (this.#options.outbox === undefined) this.#outbox = undefined;
    this.#arm();
    this.#rejectWaits(error);
  }
}

function policyOf<Received, Sent>(
  outbox: NonNullable<ResolvedOptions<Received, Sent>["outbox"]>,
): OutboxPolicy<Sent, Received> {
  const { idOf, acknowledges } = outbox;
  const isAcknowledged = idOf !== undefined && acknowledges !== undefined;
  return { ...outbox, acknowledgement: isAcknowledged ? { idOf, acknowledges } : undefined };
}

function resultOf(isFramed: boolean | undefined): SendResult {
  if (isFramed === undefined) return "dropped";
  return isFramed ? "sent" : "queued";
}
