import type { CloseReport, Verdict } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import { RetrySchedule } from "../../reconnect/backoff.js";
import { retryAfterOf } from "../../reconnect/retry-after.js";
import { type RetryableEnd, RetryRule } from "../../reconnect/retry-rule.js";
import type { Runtime } from "../../runtime/runtime.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";
import { isCertificateError } from "../reporting/verdict.js";

type RetryStrategyOptions = Pick<ResolvedOptions<never, never>, "backoff" | "shouldReconnect">;

/** Whether and when a client tries again. */
export class RetryStrategy {
  readonly #runtime: Runtime;
  readonly #options: RetryStrategyOptions;
  readonly #onError: (error: unknown) => void;
  readonly #rule: RetryRule;
  readonly #schedule: RetrySchedule;

  constructor(runtime: Runtime, options: RetryStrategyOptions, onError: (error: unknown) => void) {
    this.#runtime = runtime;
    this.#options = options;
    this.#onError = onError;
    this.#rule = new RetryRule(options.backoff.resetAfter);
    this.#schedule = new RetrySchedule(options.backoff);
  }

  /** A connection is open and set up. */
  onOpen(): void {
    this.#rule.onOpen();
  }

  /** Whether trying again may help. Once for each end. @param ageMs - For how long a connection was open. */
  judge(verdict: Verdict, error: Error | undefined, ageMs: number | undefined): boolean {
    if (ageMs !== undefined) this.#schedule.onLost(ageMs);
    if (verdict === "closed-by-us" || verdict === "aborted") return false;
    return this.#rule.isRetryable({ cause: causeOf(verdict, error), ageMs });
  }

  /** The wait before the next attempt; `undefined` where none is to be made. */
  next(report: CloseReport): number | undefined {
    if (!this.#isWanted(report)) return undefined;
    return this.#schedule.next(this.#runtime.now(), this.#runtime.random(), this.#leastWait(report));
  }

  #isWanted(report: CloseReport): boolean {
    const { shouldReconnect } = this.#options;
    if (shouldReconnect === undefined) return report.isRetryable;
    try {
      return shouldReconnect(report);
    } catch (error) {
      this.#onError(error);
      return report.isRetryable;
    }
  }

  /** Added to the draw, or all clients would come back in the same millisecond. */
  #leastWait({ statusCode, headers, codeReceived }: CloseReport): number {
    const { base, retryAfterCap } = this.#options.backoff;
    if (codeReceived === 1012 || codeReceived === 1013) return base;
    if (statusCode !== 429 && statusCode !== 503) return 0;
    const field = headers.find(([name]) => name.toLowerCase() === "retry-after");
    const wait = field === undefined ? undefined : retryAfterOf(field[1], this.#runtime.wallNow());
    return Math.min(wait ?? 0, retryAfterCap);
  }
}

function causeOf(verdict: Verdict, error: Error | undefined): RetryableEnd["cause"] {
  if (verdict === "auth" || verdict === "not-found") return verdict;
  if (verdict !== "tls") return "other";
  const fault = tlsFaultOf(error);
  if (fault?.kind === "options") return "options";
  return fault !== undefined || isCertificateError(error) ? "certificate" : "other";
}
