/**
 * Brings the subscriptions of one connection to the set that the application wants: sends batches at the permitted rate,
 * and waits for the acknowledgements. It does not decide what follows a refusal, and does not deliver messages.
 */
import {
  BufferOverflowError,
  InvalidStateError,
  type Runtime,
  type SetupConnection,
  type Timer,
} from "../index.js";
import type { Ack } from "./acknowledgement.js";
import { AckTap } from "./ack-tap.js";
import type { ChannelError } from "./errors.js";
import { functionError, refusalError, timeoutError } from "./failures.js";
import { isUnwantedPromise } from "./listeners.js";
import type { ResolvedChannels } from "./resolve-options.js";
import { Unanswered } from "./unanswered.js";

export type Connection = SetupConnection<unknown, unknown>;

/** The client of a session, as the session sees it. */
export interface SessionHost {
  readonly runtime: Runtime;
  readonly options: ResolvedChannels;
  /** True while reading is paused, so that no acknowledgement can arrive. */
  readonly isPaused: boolean;
  /** The number of channels that wait for a retry, and that another connection still delivers. */
  readonly retryCount: number;
  /** True if the application has a handle of the channel. */
  isOpen(name: string): boolean;
  /** True if the channel is open and does not wait for a retry. */
  isWanted(name: string): boolean;
  nextId(): number;
  readAck(message: unknown): Ack | undefined;
  onAccepted(name: string): void;
  onRefused(name: string, error: ChannelError): void;
  reportError(error: unknown): void;
}

/** A message that is sent for several channels. */
interface Batch {
  readonly id: number;
  /** The names; of a subscribe message, those without an acknowledgement. */
  readonly names: Set<string>;
  /** Time in milliseconds; `undefined` until the message is accepted for sending. */
  deadline: number | undefined;
}

/**
 * The state of a channel on one connection. A channel without a state is not subscribed.
 *
 * - `pending`: the subscribe message is sent, and its acknowledgement has not arrived.
 * - `accepted`: the server has acknowledged the channel.
 * - `late`: `ackTimeout` passed without an acknowledgement. The server may have subscribed.
 */
type Status = "pending" | "accepted" | "late";

type Kind = "subscribe" | "unsubscribe";

/** Wait in milliseconds after the send buffer of the client was full. */
const overflowDelay = 1_000;

export class Session {
  readonly connection: Connection;
  /** True when `feed.onConnection` has returned for this connection. */
  isSetUp = false;
  readonly #host: SessionHost;
  readonly #status = new Map<string, Status>();
  readonly #queues: Record<Kind, Set<string>> = { subscribe: new Set(), unsubscribe: new Set() };
  /** The subscribe messages that wait for acknowledgements, by id, oldest first. */
  readonly #batches = new Map<number, Batch>();
  /** The subscribe message of each channel in the state `pending`. */
  readonly #batchOf = new Map<string, Batch>();
  readonly #unanswered = new Unanswered();
  readonly #tap: AckTap;
  #flushTimer: Timer | undefined;
  #isFlushDue = false;
  #ackTimer: Timer | undefined;
  /** The earliest time of the next message, in milliseconds. */
  #nextAt = -Infinity;
  #isStarted = false;
  readonly #onSettled = new Set<() => void>();

  constructor(connection: Connection, host: SessionHost) {
    this.connection = connection;
    this.#host = host;
    this.#tap = new AckTap(connection, {
      readAck: (message) => host.readAck(message),
      onAck: (ack) => this.acknowledge(ack),
    });
  }

  get hasEnded(): boolean {
    return this.connection.ended.aborted;
  }

  /** The number of channels that the server has or may have, and that the application no longer wants. */
  get leavingCount(): number {
    let count = 0;
    for (const name of this.#status.keys()) if (!this.#host.isOpen(name)) count++;
    return count;
  }

  isAccepted(name: string): boolean {
    return this.#status.get(name) === "accepted";
  }

  /** Begins to subscribe. The first message is sent during this call. */
  start(names: Iterable<string>): void {
    this.#isStarted = true;
    for (const name of names) this.#enqueue(name);
    this.#flush();
  }

  /** The application opened or closed the channel, or its wait for a retry is over. */
  update(name: string): void {
    if (!this.#isStarted || this.hasEnded) return;
    this.#enqueue(name);
    this.#settle();
    const { batchSize, batchDelay } = this.#host.options;
    const isFull = this.#queues.subscribe.size >= batchSize || this.#queues.unsubscribe.size >= batchSize;
    if (isFull || batchDelay === 0) this.#flushSoon();
    else this.#flushTimer ??= this.#timer(batchDelay, () => this.#flush());
  }

  #timer(delay: number, callback: () => void): Timer {
    const timer = this.#host.runtime.setTimer(delay, callback);
    // The socket keeps the process running, not this timer.
    timer.unref();
    return timer;
  }

  /** Flushes at the end of the tick, so that the channels of one tick are in one message. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#host.runtime.defer(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #kindOf(name: string): Kind | undefined {
    const status = this.#status.get(name);
    // A closed channel without an acknowledgement waits for it: an unsubscribe that overtakes the subscribe in the server
    // would have no effect.
    if (status === "pending") return undefined;
    if (status !== undefined && !this.#host.isOpen(name)) return "unsubscribe";
    return status !== "accepted" && this.#host.isWanted(name) ? "subscribe" : undefined;
  }

  #enqueue(name: string): void {
    const kind = this.#kindOf(name);
    for (const each of ["subscribe", "unsubscribe"] as const)
      if (each === kind) this.#queues[each].add(name);
      else this.#queues[each].delete(name);
  }

  #flush(): void {
    this.#flushTimer?.clear();
    this.#flushTimer = undefined;
    while (this.#isStarted && !this.hasEnded) {
      // Unsubscribes are sent first, so that a limit of channels per connection is not exceeded.
      const kind = this.#queues.unsubscribe.size > 0 ? "unsubscribe" : "subscribe";
      if (this.#queues[kind].size === 0) break;
      const now = this.#host.runtime.now();
      if (now < this.#nextAt) {
        this.#flushTimer = this.#timer(this.#nextAt - now, () => this.#flush());
        break;
      }
      this.#nextAt = now + this.#host.options.interval;
      this.#send(kind, this.#take(kind));
    }
    this.#settle();
  }

  #take(kind: Kind): string[] {
    const queue = this.#queues[kind];
    const names: string[] = [];
    for (const name of queue) {
      if (names.length === this.#host.options.batchSize) break;
      queue.delete(name);
      names.push(name);
    }
    return names;
  }

  #send(kind: Kind, names: readonly string[]): void {
    const batch: Batch = { id: this.#host.nextId(), names: new Set(names), deadline: undefined };
    for (const name of names) this.#setSent(kind, name, batch);
    if (kind === "subscribe") this.#batches.set(batch.id, batch);
    if (kind === "subscribe" && this.#host.options.isAck !== undefined) this.#tap.arm();
    let message: unknown;
    try {
      // The application may change the array.
      message = this.#host.options[kind]([...names], batch.id);
      if (message === undefined || isUnwantedPromise(message))
        throw new TypeError(
          `It returned ${message === undefined ? "undefined" : "a promise"} instead of a message.`,
        );
    } catch (thrown) {
      this.#onUnsent(kind, batch, functionError(kind, thrown));
      return;
    }
    this.connection.send(message).then(
      () => kind === "subscribe" && this.#onSent(batch),
      (error: unknown) => this.#onSendFailed(kind, batch, error),
    );
  }

  #setSent(kind: Kind, name: string, batch: Batch): void {
    if (kind === "subscribe") {
      this.#status.set(name, "pending");
      this.#batchOf.set(name, batch);
      if (this.#host.options.isAck !== undefined) this.#unanswered.add(name);
      return;
    }
    this.#status.delete(name);
  }

  #onSent(batch: Batch): void {
    if (this.hasEnded || batch.names.size === 0) return;
    if (this.#host.options.isAck === undefined) {
      for (const name of [...batch.names]) this.#accept(name);
      return;
    }
    batch.deadline = this.#host.runtime.now() + this.#host.options.ackTimeout;
    this.#armAckTimer();
  }

  #onSendFailed(kind: Kind, batch: Batch, error: unknown): void {
    // The connection is closing. Its end follows, and the next connection subscribes again.
    if (this.hasEnded || error instanceof InvalidStateError) return;
    if (!(error instanceof BufferOverflowError)) {
      this.#onUnsent(kind, batch, functionError(kind, error));
      return;
    }
    // The send buffer is full. The message is created again later.
    for (const name of [...batch.names]) {
      this.#forget(name);
      if (kind === "subscribe") this.#unanswered.take(name);
      if (kind === "subscribe") this.#status.delete(name);
      else this.#status.set(name, "accepted");
      this.#enqueue(name);
    }
    this.#nextAt = Math.max(this.#nextAt, this.#host.runtime.now() + overflowDelay);
    this.#flushSoon();
  }

  #onUnsent(kind: Kind, batch: Batch, error: ChannelError): void {
    this.#host.reportError(error);
    if (kind === "unsubscribe") return;
    for (const name of [...batch.names]) {
      this.#unanswered.take(name);
      this.#refuse(name, undefined, error);
    }
  }

  /**
   * The server has acknowledged or refused channels.
   * @returns `false` if no channel of this connection waits for the acknowledgement.
   */
  acknowledge(ack: Ack): boolean {
    let isExpected = false;
    for (const name of this.#namesOf(ack)) {
      const status = this.#status.get(name);
      const isAnswer = this.#unanswered.take(name);
      const batch = this.#batchOf.get(name);
      if (batch !== undefined && ack.id !== undefined && ack.id !== batch.id)
        this.#unanswered.addLate(batch.id, [name]);
      if (status === undefined && !isAnswer) {
        if (!ack.isRefused) this.#onSurplus(name);
        continue;
      }
      isExpected = true;
      // The late refusal of an earlier subscribe. A later one was refused already, or the channel was closed.
      if (status === undefined && ack.isRefused) continue;
      // An acknowledgement that arrives twice has no effect, but the server may refuse an accepted channel later.
      // The server may have subscribed without an answer to an earlier message.
      const refused = this.#unanswered.has(name) ? "late" : undefined;
      if (ack.isRefused) this.#refuse(name, refused, refusalError(name, ack.reason));
      else if (status !== "accepted") this.#accept(name);
    }
    this.#settle();
    return isExpected;
  }

  /** The server acknowledges a channel without a subscribe. It may have processed the subscribe after the unsubscribe. */
  #onSurplus(name: string): void {
    if (this.#host.isOpen(name) || !this.#unanswered.takeSurplus(name)) return;
    this.#status.set(name, "late");
    this.update(name);
  }

  #namesOf({ id, names }: Ack): readonly string[] {
    if (id === undefined) {
      const [oldest] = this.#batches.values();
      return names ?? [...(oldest?.names ?? [])];
    }
    const known = new Set([...(this.#batches.get(id)?.names ?? []), ...this.#unanswered.lateNames(id)]);
    // With an id, the acknowledgement of an earlier message for the same channel has no effect.
    return names === undefined ? [...known] : names.filter((name) => known.has(name));
  }

  #accept(name: string): void {
    this.#forget(name);
    this.#status.set(name, "accepted");
    if (this.#host.isOpen(name)) this.#host.onAccepted(name);
    this.update(name);
  }

  /** @param status - The new state of the channel. */
  #refuse(name: string, status: "late" | undefined, error: ChannelError): void {
    this.#forget(name);
    if (status === undefined) this.#status.delete(name);
    else this.#status.set(name, status);
    if (this.#host.isOpen(name)) this.#host.onRefused(name, error);
    this.update(name);
  }

  /** The channel no longer waits for an acknowledgement. */
  #forget(name: string): void {
    const batch = this.#batchOf.get(name);
    if (batch === undefined) return;
    this.#batchOf.delete(name);
    batch.names.delete(name);
    if (batch.names.size === 0) this.#batches.delete(batch.id);
    if (this.#batches.size === 0 && this.isSetUp) this.#tap.disarm();
  }

  #armAckTimer(): void {
    if (this.#ackTimer !== undefined) return;
    let first = Infinity;
    for (const { deadline = Infinity } of this.#batches.values()) first = Math.min(first, deadline);
    if (first === Infinity) return;
    this.#ackTimer = this.#timer(Math.max(first - this.#host.runtime.now(), 0), () => this.#onAckTimer());
  }

  #onAckTimer(): void {
    this.#ackTimer = undefined;
    const { runtime, isPaused, options } = this.#host;
    const now = runtime.now();
    for (const batch of [...this.#batches.values()]) {
      if (batch.deadline === undefined || batch.deadline > now) continue;
      // The acknowledgement may have arrived, but the application does not read. For channels that it has closed, it may
      // wait for `feed.close()` before it reads again.
      if (isPaused && [...batch.names].some((name) => this.#host.isOpen(name)))
        batch.deadline = now + options.ackTimeout;
      else this.#onTimeout(batch);
    }
    this.#armAckTimer();
    this.#settle();
  }

  #onTimeout({ id, names }: Batch): void {
    const late = [...names];
    this.#unanswered.addLate(id, late);
    for (const name of late) this.#refuse(name, "late", timeoutError(name, this.#host.options.ackTimeout));
  }

  /** Resolves when nothing is to be sent, acknowledged or tried again. {@link stopWaiting} resolves it, too. */
  untilSettled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled.add(resolve);
      this.#settle();
    });
  }

  /** The number of channels that are not acknowledged yet. */
  get openCount(): number {
    return this.#queues.subscribe.size + this.#batchOf.size + this.#host.retryCount;
  }

  #settle(): void {
    if (this.#onSettled.size === 0) return;
    const { subscribe, unsubscribe } = this.#queues;
    if (subscribe.size + unsubscribe.size + this.#batches.size === 0 && this.#host.retryCount === 0)
      this.stopWaiting();
  }

  stopWaiting(): void {
    for (const resolve of this.#onSettled) resolve();
    this.#onSettled.clear();
  }

  /** `feed.onConnection` returns for this connection. */
  finishSetup(): void {
    this.isSetUp = true;
    if (this.#batches.size === 0) this.#tap.disarm();
  }

  /** Returns whether this session has already processed an acknowledgement that is delivered now. */
  wasTapped(ack: Ack): boolean {
    return this.#tap.take(ack);
  }

  /** The connection has ended, or the feed no longer uses it. */
  end(): void {
    this.#isStarted = false;
    this.#flushTimer?.clear();
    this.#ackTimer?.clear();
    this.#tap.disarm();
    this.stopWaiting();
  }
}
