// The pings of one connection, and the calls that wait for their pongs. It does not decide when a heartbeat is due.
import type { ProtocolConnection } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";
import { droppedPing, tooManyPings } from "./failures.js";
import { Pings } from "./pings.js";
import { type Refusal, Refusals } from "./refusals.js";

export interface PingExchangeHandler {
  /** The protocol connection has output to write. */
  onQueued(): void;
  /**
   * Returns how many of the first `position` messages the peer does not acknowledge individually. A pong confirms only
   * these messages. If the handler does not have this method, a pong confirms all of the first `position` messages.
   */
  countWithoutReceipt?(position: number): number;
  /** A call was refused or cancelled. Its promise rejects with the same error. */
  onRefused(error: unknown): void;
}

const overflowKind: unique symbol = Symbol("overflow");
const droppedKind: unique symbol = Symbol("dropped");

/** Sends the pings of `ping()` calls and of the heartbeat, and finds the ping that a pong answers. */
export class PingExchange {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #maxBufferedAmount: number;
  readonly #handler: PingExchangeHandler;
  readonly #pings: Pings = new Pings();
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

  /** Number of sent pings without a pong. */
  get unanswered(): number {
    return this.#pings.unanswered;
  }

  /** Number of sent pings that the peer has answered. */
  get answeredCount(): number {
    return this.#answeredCount;
  }

  /**
   * Number of messages that a pong has confirmed as read. Messages that the peer acknowledges individually do not
   * count.
   */
  get confirmedCount(): number {
    return this.#pings.confirmedCount;
  }

  /** Queues a ping of the heartbeat, without a promise. The caller writes the output. */
  sendHeartbeatPing(payload: Uint8Array): void {
    this.#remember(payload, this.#count(this.#protocol.ping(payload)));
  }

  /** Sends a ping and resolves with the milliseconds until its pong arrives. */
  call(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    const signal = options?.signal;
    if (signal?.aborted === true) return this.#refuse(signal.reason, () => signal.reason as unknown);
    // If many pings were already dropped in this turn of the event loop, further calls are refused. This limits the
    // number of promises: each sent ping needs its own promise, but refused calls share one promise.
    if (this.#refusals?.isShared(droppedKind) === true) return this.#refuse(droppedKind, droppedPing);
    if (this.#protocol.bufferedSize > this.#maxBufferedAmount)
      return this.#refuse(overflowKind, tooManyPings);
    const position = this.#count(this.#protocol.ping(payload));
    const onCancel = (reason: unknown): void => this.#handler.onRefused(reason);
    const wait = new Wait<number>(this.#runtime, "ping", options, onCancel);
    this.#remember(payload, position, wait);
    this.#handler.onQueued();
    return wait.promise;
  }

  #count(position: number): number {
    return this.#handler.countWithoutReceipt?.(position) ?? position;
  }

  #remember(payload: Uint8Array, position: number, wait?: Wait<number>): void {
    const dropped = this.#pings.add(payload, this.#runtime.now(), position, wait);
    if (dropped === undefined) return;
    const { error } = this.#createRefusal(droppedKind, droppedPing);
    // The promise is rejected first, because a listener of `error` may abort the signal of the dropped ping.
    dropped.reject(error);
    this.#handler.onRefused(error);
  }

  #refuse(kind: unknown, createError: () => unknown): Promise<never> {
    const { error, promise } = this.#createRefusal(kind, createError);
    this.#handler.onRefused(error);
    return promise;
  }

  #createRefusal(kind: unknown, createError: () => unknown): Refusal {
    return (this.#refusals ??= new Refusals(this.#runtime)).refuse(kind, createError);
  }

  /** Returns the latency in milliseconds, or `undefined` if the pong answers no ping of this client. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const latency = this.#pings.answer(payload, now);
    if (latency !== undefined) this.#answeredCount++;
    return latency;
  }

  /**
   * Called after messages were removed from the output. A pong then confirms at most the first `framedCount` messages.
   */
  limit(framedCount: number): void {
    this.#pings.limit(this.#count(framedCount));
  }

  /** Rejects the pending calls with `error`, because the connection has ended. */
  end(error: unknown): void {
    this.#pings.rejectCalls(error);
  }
}
