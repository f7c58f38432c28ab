import type { CloseReport } from "../../events/close-report.js";
import { LoneTimer } from "../../runtime/restartable-timer.js";
import { diagnostics } from "../reporting/diagnostics.js";
import type { LifeContext } from "../client-context.js";
import { failureOf } from "../reporting/report.js";
import { Retries } from "./retry-strategy.js";

export interface ComebackHandler {
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
  tellError(error: unknown): void;
}

/** What follows the end of an attempt or a connection: the next attempt, the wait before it, or the end of all. */
export class Comeback<Received, Sent> {
  readonly #context: LifeContext<Received, Sent>;
  readonly #handler: ComebackHandler;
  readonly #retries: Retries;
  readonly #timer: LoneTimer;
  #isDeciding = false;

  constructor(context: LifeContext<Received, Sent>, handler: ComebackHandler, isReferenced: boolean) {
    const { options } = context;
    this.#context = context;
    this.#handler = handler;
    this.#timer = new LoneTimer(options.runtime, isReferenced);
    this.#retries = new Retries(options.runtime, options, (error) => handler.tellError(error));
    if (handler.hasConnected) this.#retries.onOpen();
  }

  /** An end is being told, and what follows it is not decided. */
  get isDeciding(): boolean {
    return this.#isDeciding;
  }

  /** A connection is open and set up. */
  onOpen(): void {
    this.#retries.onOpen();
  }

  /** As {@link Retries.judge}. */
  judge(...end: Parameters<Retries["judge"]>): boolean {
    return this.#retries.judge(...end);
  }

  /** An attempt or a connection has ended; {@link goOn} follows. */
  begin(): void {
    this.#isDeciding = true;
  }

  /** @param isAttempt - It was never open. */
  goOn(report: CloseReport, isAttempt: boolean): void {
    const { intent, options, calls } = this.#context;
    if (!intent.isStopping && this.#handler.followAtOnce()) return;
    const delay = intent.isStopping ? undefined : this.#delayBehind(report);
    if (delay === undefined) {
      this.#isDeciding = false;
      this.#handler.finish(report);
      return;
    }
    const { hasConnected } = this.#handler;
    // One error for both: an end by a Close frame would get two.
    const failure = failureOf(report);
    if (!hasConnected && !options.retryInitial) calls.rejectConnects(failure);
    if (isAttempt) this.#handler.tellError(failure);
    this.#backOff(report, delay);
  }

  /** It is decided. */
  end(): void {
    this.#isDeciding = false;
  }

  #delayBehind(report: CloseReport): number | undefined {
    const { options, calls } = this.#context;
    const isWanted = this.#handler.hasConnected || options.retryInitial || calls.hasRuns;
    return options.reconnect && isWanted ? this.#retries.next(report) : undefined;
  }

  #backOff(report: CloseReport, delayMs: number): void {
    const { states, emitter, intent, face } = this.#context;
    const attempt = this.#handler.attempts + 1;
    states.enter("backingOff");
    // A listener may have dialled by hand, or closed the client.
    if (states.current === "backingOff" && !intent.isStopping) {
      emitter.emit("reconnecting", { attempt, delayMs, report });
      diagnostics.reconnect({ client: face, attempt, delayMs, report });
    }
    this.#isDeciding = false;
    if (intent.isStopping) this.#handler.endIfWaiting();
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
