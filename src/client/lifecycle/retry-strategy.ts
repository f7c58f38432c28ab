/**
 * Decides whether a client tries again after the end of an attempt or a connection, and how long it waits before the
 * next attempt. It does not set timers.
 */
import { unmasked } from "../../../protocol/index.js";
import type { CloseReport, Verdict } from "../../events/close-report.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import { RetrySchedule } from "../../reconnect/backoff.js";
import { retryAfterOf } from "../../reconnect/retry-after.js";
import { type RetryableEnd, RetryRule } from "../../reconnect/retry-rule.js";
import { tlsFaultOf } from "../../transport/tls-fault.js";
import { isTlsRefusal } from "../reporting/attempt-advice.js";
import { codeOf } from "../reporting/verdict.js";

type RetryStrategyOptions = Pick<ResolvedOptions, "runtime" | "backoff" | "shouldReconnect">;

/** Applies the retry rule, the option `shouldReconnect` and the backoff schedule. */
export class RetryStrategy {
  readonly #options: RetryStrategyOptions;
  readonly #onError: (error: unknown) => void;
  readonly #rule: RetryRule;
  readonly #schedule: RetrySchedule;

  /** @param onError - Called with the error that `shouldReconnect` throws. */
  constructor(options: RetryStrategyOptions, onError: (error: unknown) => void) {
    this.#options = options;
    this.#onError = onError;
    this.#rule = new RetryRule(options.backoff.resetAfter);
    this.#schedule = new RetrySchedule(options.backoff);
  }

  /** Call this when a connection is open and set up. */
  onOpen(): void {
    this.#rule.onOpen();
  }

  /**
   * Decides whether another attempt may succeed. It also updates the backoff schedule, so call it exactly once for
   * each ended attempt or connection.
   * @param ageMs - How long the connection was open, in milliseconds; `undefined` if it never became ready.
   */
  judge(verdict: Verdict, error: Error | undefined, ageMs: number | undefined): boolean {
    if (ageMs !== undefined) this.#schedule.onLost(ageMs);
    if (verdict === "closed-by-us" || verdict === "aborted") return false;
    return this.#rule.isRetryable({ cause: causeOf(verdict, error), ageMs });
  }

  /** Returns the wait before the next attempt in milliseconds, or `undefined` if the client must not try again. */
  next(report: CloseReport): number | undefined {
    if (!this.#isWanted(report)) return undefined;
    const { runtime } = this.#options;
    return this.#schedule.next(runtime.now(), runtime.random(), this.#minimumDelay(report));
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

  /**
   * Returns the wait that the server requests, in milliseconds. The schedule adds this wait to the random wait. Without
   * the random wait, all clients would reconnect in the same millisecond.
   */
  #minimumDelay({ statusCode, headers, codeReceived }: CloseReport): number {
    const { base, retryAfterCap } = this.#options.backoff;
    if (codeReceived === 1012 || codeReceived === 1013) return base;
    if (statusCode !== 429 && statusCode !== 503) return 0;
    const field = unmasked(headers).find(([name]) => name.toLowerCase() === "retry-after");
    const wait = field === undefined ? undefined : retryAfterOf(field[1], this.#options.runtime.wallNow());
    return Math.min(wait ?? 0, retryAfterCap);
  }
}

function causeOf(verdict: Verdict, error: Error | undefined): RetryableEnd["cause"] {
  if (verdict === "auth" || verdict === "not-found") return verdict;
  if (verdict === "proxy" && codeOf(error) === "PROXY_AUTHENTICATION") return "auth";
  // The options forbid the connection, so another attempt fails too.
  if (verdict === "setup-failed" && codeOf(error) === "INSECURE_CREDENTIALS") return "options";
  const reason = codeOf(error) === "PROXY_TLS" ? (error?.cause as Error) : error;
  if (verdict !== "tls" && reason === error) return "other";
  const fault = tlsFaultOf(reason);
  if (fault?.kind === "options") return "options";
  return fault !== undefined || isTlsRefusal(reason) ? "certificate" : "other";
}
