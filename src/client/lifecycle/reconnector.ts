/**
 * Decides what follows the end of an attempt or a connection: an immediate attempt, an attempt after a wait, or the end
 * of the client. It does not create connections.
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
   * Continues with the second connection of a rotation, or dials without a wait if a rotation closed the connection.
   * @returns `false` if no rotation is in progress; the method then does nothing.
   */
  connectImmediately(): boolean;
  /** No attempt follows, so the client ends. */
  finish(report: CloseReport): void;
  /** Ends the client if it waits for its next attempt. */
  endIfWaiting(): void;
}

/** Schedules the next attempt after the end of an attempt or a connection, or ends the client. */
export class Reconnector {
  readonly retryStrategy: RetryStrategy;
  /** The timer of the wait before the next attempt. */
  readonly timer: RestartableTimer;
  /**
   * The supervisor sets this field to `true` before it reports the end of an attempt or a connection. The field is
   * `true` until {@link decide} has decided what follows.
   */
  isDeciding = false;
  readonly #context: ClientContext;
  readonly #handler: ReconnectorHandler;

  constructor(context: ClientContext, handler: ReconnectorHandler, isReferenced: boolean) {
    const { options } = context;
    this.#context = context;
    this.#handler = handler;
    this.timer = new RestartableTimer(options.runtime, isReferenced);
    this.retryStrategy = new RetryStrategy(options, (error) =>
      context.reportFunctionError("The option shouldReconnect", error),
    );
    if (handler.hasConnected) this.retryStrategy.onOpen();
  }

  /**
   * Decides what follows the end of an attempt or a connection. Then starts the next attempt or the wait before it, or
   * ends the client.
   * @param isAttempt - True if the connection never opened.
   */
  decide(report: CloseReport, isAttempt: boolean): void {
    const { stopReasons, options, calls } = this.#context;
    if (!stopReasons.isStopping && this.#handler.connectImmediately()) return;
    const delay = stopReasons.isStopping ? undefined : this.#delayAfter(report);
    if (delay === undefined) {
      this.isDeciding = false;
      this.#handler.finish(report);
      return;
    }
    // The rejected calls and the `error` event share one error object.
    const failure = failureOf(report);
    if (!this.#handler.hasConnected && !options.retryInitial) calls.rejectConnects(failure);
    if (isAttempt) this.#context.reportError(failure);
    this.#backOff(report, delay);
  }

  #delayAfter(report: CloseReport): number | undefined {
    const { options, calls } = this.#context;
    const isWanted = this.#handler.hasConnected || options.retryInitial || calls.hasRuns;
    return options.reconnect && isWanted ? this.retryStrategy.next(report) : undefined;
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
    this.isDeciding = false;
    if (stopReasons.isStopping) this.#handler.endIfWaiting();
    else if (states.current === "backingOff") this.timer.set(delayMs, () => this.#handler.dial());
  }
}
