// The pings of one connection, and the promises that wait for their pongs. It does not decide when a heartbeat is due.
import type { ProtocolConnection } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";
import { droppedPing, tooManyPings } from "./failures.js";
import { Pings } from "./pings.js";
import { type Refusal, Refusals } from "./refusals.js";

export interface PingExchangeHandler {
  /** The protocol has output. */
  onQueued(): void;
  /**
   * Returns how many of the first `position` messages are not acknowledged individually. A pong confirms only those.
   * Default: all of them.
   */
  countWithoutReceipt?(position: number): number;
  /** A call was refused or cancelled; its promise rejects with the same error. */
  onRefused(error: unknown): void;
}

const overflowKind: unique symbol = Symbol("overflow");
const droppedKind: unique symbol = Symbol("dropped");

/** Sends the pings of `ping()` calls and of the heartbeat, and matches pongs to them. */
export class PingExchange {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #maxBufferedAmount: number;
  readonly #handler: PingExchangeHandler;
  readonly #pings: Pings = new Pings();
  #waits: Set<Wait<number>> | undefined;
  #refusals: Refusals | undefined;
  #answeredCount = 0;

  constructor(
    protocol: ProtocolConnection,
    runtime: Runtime,
    maxBufferedAmount: number,
    handler: PingExchangeHandler,
  ) {
    this.#protocol = protocol;
    this.#runtime = runtime;
    this.#maxBufferedAmount = maxBufferedAmount;
    this.#handler = handler;
  }

  /** Number of pings that have no pong yet. */
  get unanswered(): number {
    return this.#pings.unanswered;
  }

  /** Number of pings that the peer has answered. */
  get answeredCount(): number {
    return this.#answeredCount;
  }

  /** Number of messages that are not acknowledged individually and that a pong has confirmed as read. */
  get confirmedCount(): number {
    return this.#pings.confirmedCount;
  }

  /** Queues a ping without a promise. The caller must write it. */
  sendHeartbeatPing(payload: Uint8Array): void {
    this.#pings.add(payload, this.#runtime.now(), this.#count(this.#protocol.ping(payload)));
  }

  /** Resolves with the milliseconds until the ping's own pong. */
  call(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    const signal = options?.signal;
    if (signal?.aborted === true) return this.#refuse(signal.reason, () => signal.reason as unknown);
    // The promise of a ping that is sent cannot be shared. If many pings were dropped in this turn, further ones are
    // refused, so that a synchronous loop of calls does not create a promise for each.
    if (this.#refusals?.isShared(droppedKind) === true) return this.#refuse(droppedKind, droppedPing);
    if (this.#protocol.bufferedSize > this.#maxBufferedAmount)
      return this.#refuse(overflowKind, tooManyPings);
    const position = this.#count(this.#protocol.ping(payload));
    const wait: Wait<number> = new Wait(this.#runtime, "ping", options, (reason) => {
      this.#waits?.delete(wait);
      this.#handler.onRefused(reason);
    });
    this.#waits ??= new Set();
    this.#waits.add(wait);
    this.#pings.add(payload, this.#runtime.now(), position, (latency) => {
      this.#waits?.delete(wait);
      if (latency === undefined) this.#drop(wait);
      else wait.resolve(latency);
    });
    this.#handler.onQueued();
    return wait.promise;
  }

  #count(position: number): number {
    return this.#handler.countWithoutReceipt?.(position) ?? position;
  }

  #refuse(kind: unknown, createError: (isShared: boolean) => unknown): Promise<never> {
    const { error, promise } = this.#createRefusal(kind, createError);
    this.#handler.onRefused(error);
    return promise;
  }

  #drop(wait: Wait<number>): void {
    const { error } = this.#createRefusal(droppedKind, droppedPing);
    wait.reject(error);
    this.#handler.onRefused(error);
  }

  #createRefusal(kind: unknown, createError: (isShared: boolean) => unknown): Refusal {
    return (this.#refusals ??= new Refusals(this.#runtime)).refuse(kind, createError);
  }

  /** Returns the latency in milliseconds, or `undefined` if the pong matches none of our pings. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const latency = this.#pings.answer(payload, now);
    if (latency !== undefined) this.#answeredCount++;
    return latency;
  }

  /** Messages after the first `framedCount` were taken back, so no pong may confirm them. */
  limit(framedCount: number): void {
    this.#pings.limit(this.#count(framedCount));
  }

  /** The connection has ended: rejects the pending calls with `error`. */
  end(error: unknown): void {
    for (const wait of this.#waits ?? []) wait.reject(error);
    this.#waits = undefined;
  }
}
