/**
 * Decides what follows the end of an attempt or a connection: another attempt, a wait before it, or the end of the
 * client. It does not create connections.
 */
import type { CloseReport } from "../../events/close-report.js";
import { RestartableTimer } from "../../runtime/restartable-timer.js";
import { diagnostics } from "../reporting/diagnostics.js";
import type { ClientContext } from "./client-context.js";
import { failureOf } from "../reporting/report.js";
import { RetryStrategy } from "./retry-strategy.js";

export interface ReconnectorHandler {
  /** True if a connection was open in the current run of the client. */
  readonly hasConnected: boolean;
  /** The number of attempts since the last open connection. */
  readonly attempts: number;
  dial(): void;
  /**
   * Continues with the connection of a rotation, or dials without a wait if a rotation closed the last one.
   * @returns `false` if no rotation requires this; nothing was done.
   */
  connectImmediately(): boolean;
  /** No attempt follows, so the client ends. */
  finish(report: CloseReport): void;
  /** Ends the client if it waits for its next attempt. */
  endIfWaiting(): void;
  reportError(error: unknown): void;
  reportFunctionError(what: string, thrown: unknown): void;
}

/** Schedules the next attempt after the end of an attempt or a connection, or ends the client. */
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
    this.#retryStrategy = new RetryStrategy(options.runtime, options, (error) =>
      handler.reportFunctionError("The option shouldReconnect", error),
    );
    if (handler.hasConnected) this.#retryStrategy.onOpen();
  }

  /** True while the end of a connection is reported and its consequence is not decided. */
  get isDeciding(): boolean {
    return this.#isDeciding;
  }

  /** Call this when a connection is open and set up. */
  onOpen(): void {
    this.#retryStrategy.onOpen();
  }

  /** See {@link RetryStrategy.judge}. */
  judge(...end: Parameters<RetryStrategy["judge"]>): boolean {
    return this.#retryStrategy.judge(...end);
  }

  /** Call this when an attempt or a connection has ended, before {@link decide}. */
  beginDeciding(): void {
    this.#isDeciding = true;
  }

  /**
   * Decides what follows, and starts it.
   * @param isAttempt - True if the connection never opened.
   */
  decide(report: CloseReport, isAttempt: boolean): void {
    const { stopReasons, options, calls } = this.#context;
    if (!stopReasons.isStopping && this.#handler.connectImmediately()) return;
    const delay = stopReasons.isStopping ? undefined : this.#delayAfter(report);
    if (delay === undefined) {
      this.#isDeciding = false;
      this.#handler.finish(report);
      return;
    }
    const { hasConnected } = this.#handler;
    // The rejected calls and the `error` event share one error object.
    const failure = failureOf(report);
    if (!hasConnected && !options.retryInitial) calls.rejectConnects(failure);
    if (isAttempt) this.#handler.reportError(failure);
    this.#backOff(report, delay);
  }

  /** Call this when the decision was made elsewhere. */
  endDeciding(): void {
    this.#isDeciding = false;
  }

  #delayAfter(report: CloseReport): number | undefined {
    const { options, calls } = this.#context;
    const isWanted = this.#handler.hasConnected || options.retryInitial || calls.hasRuns;
    return options.reconnect && isWanted ? this.#retryStrategy.next(report) : undefined;
  }

  #backOff(report: CloseReport, delayMs: number): void {
    const { states, emitter, stopReasons, publicClient } = this.#context;
    const attempt = this.#handler.attempts + 1;
    states.enter("backingOff");
    // A listener may have called `reconnect()` or closed the client.
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

  /** Cancels the wait for the next attempt. */
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
