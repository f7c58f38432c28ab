import type { ProtocolConnection } from "../../protocol/index.js";
import type { Runtime } from "../runtime/runtime.js";
import { rejected, Wait, type WaitOptions } from "../runtime/wait.js";
import { droppedPing, tooManyPings } from "./failures.js";
import { Pings } from "./pings.js";

export interface PingExchangeHandler {
  /** A ping is to be written. */
  onQueued(): void;
  /**
   * How many of the first `position` messages have no acknowledgement of their own: a pong speaks for those. All of them
   * where this is left out.
   */
  countWithoutReceipt?(position: number): number;
  /** A call was refused or cancelled; its promise rejects with the same error. */
  onRefused(error: unknown): void;
}

/** The pings of one connection: those of calls, whose promises wait for a pong, and those of the heartbeat. */
export class PingExchange {
  readonly #protocol: ProtocolConnection;
  readonly #runtime: Runtime;
  readonly #maxBufferedAmount: number;
  readonly #handler: PingExchangeHandler;
  readonly #pings: Pings = new Pings();
  #waits: Set<Wait<number>> | undefined;
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

  get unanswered(): number {
    return this.#pings.unanswered;
  }

  /** How many pings the peer has answered. */
  get answeredCount(): number {
    return this.#answeredCount;
  }

  /** How many messages without an acknowledgement of their own the peer has read for sure. */
  get confirmedCount(): number {
    return this.#pings.confirmedCount;
  }

  /** Makes a ping for which nobody waits; its owner has it written. */
  sendHeartbeatPing(payload: Uint8Array): void {
    this.#pings.add(payload, this.#runtime.now(), this.#count(this.#protocol.ping(payload)));
  }

  /** Resolves with the milliseconds until the ping's own pong. */
  call(payload: Uint8Array, options: WaitOptions | undefined): Promise<number> {
    if (options?.signal?.aborted === true) return this.#refuse(options.signal.reason);
    if (this.#protocol.bufferedSize > this.#maxBufferedAmount) return this.#refuse(tooManyPings());
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

  #refuse(error: unknown): Promise<never> {
    this.#handler.onRefused(error);
    return rejected(error);
  }

  #drop(wait: Wait<number>): void {
    const error = droppedPing();
    wait.reject(error);
    this.#handler.onRefused(error);
  }

  /** Gives the latency in milliseconds; `undefined` for a pong that answers no ping of ours. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const latency = this.#pings.answer(payload, now);
    if (latency !== undefined) this.#answeredCount++;
    return latency;
  }

  /** Messages behind this count were taken back: no ping stands behind them any more. */
  limit(framedCount: number): void {
    this.#pings.limit(this.#count(framedCount));
  }

  /** The connection is gone: the calls that wait reject with `error`. */
  end(error: unknown): void {
    for (const wait of this.#waits ?? []) wait.reject(error);
    this.#waits = undefined;
  }
}
