import type { CloseReport } from "../../events/close-report.js";
import { RestartableTimer } from "../../runtime/restartable-timer.js";
import { diagnostics } from "../reporting/diagnostics.js";
import type { ClientContext } from "../client-context.js";
import { failureOf } from "../reporting/report.js";
import { RetryStrategy } from "./retry-strategy.js";

export interface ReconnectorHandler {
  /** A connection was open in this life. */
  readonly hasConnected: boolean;
  /** How many attempts were made since the last connection. */
  readonly attempts: number;
  dial(): void;
  /** A rotation has the next connection under way, or wants it without a wait: that was seen to. */
  followAtOnce(): boolean;
  /** No attempt follows: the life ends. */
  finish(report: CloseReport): void;
  /** The client is to end, and waits for an attempt. */
  endIfWaiting(): void;
  reportError(error: unknown): void;
}

/** What follows the end of an attempt or a connection: the next attempt, the wait before it, or the end of all. */
export class Reconnector<Received, Sent> {
  readonly #context: ClientContext<Received, Sent>;
  readonly #handler: ReconnectorHandler;
  readonly #retryStrategy: RetryStrategy;
  readonly #timer: RestartableTimer;
  #isDeciding = false;

  constructor(context: ClientContext<Received, Sent>, handler: ReconnectorHandler, isReferenced: boolean) {
    const { options } = context;
    this.#context = context;
    this.#handler = handler;
    this.#timer = new RestartableTimer(options.runtime, isReferenced);
    this.#retryStrategy = new RetryStrategy(options.runtime, options, (error) => handler.reportError(error));
    if (handler.hasConnected) this.#retryStrategy.onOpen();
  }

  /** An end is being told, and what follows it is not decided. */
  get isDeciding(): boolean {
    return this.#isDeciding;
  }

  /** A connection is open and set up. */
  onOpen(): void {
    this.#retryStrategy.onOpen();
  }

  /** As {@link RetryStrategy.judge}. */
  judge(...end: Parameters<RetryStrategy["judge"]>): boolean {
    return this.#retryStrategy.judge(...end);
  }

  /** An attempt or a connection has ended; {@link proceed} follows. */
  begin(): void {
    this.#isDeciding = true;
  }

  /** @param isAttempt - It was never open. */
  proceed(report: CloseReport, isAttempt: boolean): void {
    const { stopReasons, options, calls } = this.#context;
    if (!stopReasons.isStopping && this.#handler.followAtOnce()) return;
    const delay = stopReasons.isStopping ? undefined : this.#delayBehind(report);
    if (delay === undefined) {
      this.#isDeciding = false;
      this.#handler.finish(report);
      return;
    }
    const { hasConnected } = this.#handler;
    // One error for both: an end by a Close frame would get two.
    const failure = failureOf(report);
    if (!hasConnected && !options.retryInitial) calls.rejectConnects(failure);
    if (isAttempt) this.#handler.reportError(failure);
    this.#backOff(report, delay);
  }

  /** It is decided. */
  end(): void {
    this.#isDeciding = false;
  }

  #delayBehind(report: CloseReport): number | undefined {
    const { options, calls } = this.#context;
    const isWanted = this.#handler.hasConnected || options.retryInitial || calls.hasRuns;
    return options.reconnect && isWanted ? this.#retryStrategy.next(report) : undefined;
  }

  #backOff(report: CloseReport, delayMs: number): void {
    const { states, emitter, stopReasons, publicClient } = this.#context;
    const attempt = this.#handler.attempts + 1;
    states.enter("backingOff");
    // A listener may have dialled by hand, or closed the client.
    if (states.current === "backingOff" && !stopReasons.isStopping) {
      emitter.emit("reconnecting", { attempt, delayMs, report });
      diagnostics.reconnect({ client: publicClient, attempt, delayMs, report });
    }
    this.#isDeciding = false;
    if (stopReasons.isStopping) this.#handler.endIfWaiting();
    else if (states.current === "backingOff") this.#arm(delayMs);
  }

  #arm(delay: number): void {
    this.#timer.set(delay, () => this.#handler.dial());
  }

  /** The wait is over, or given up. */
  stop(): void {
    this.#timer.clear();
  }

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }
}
