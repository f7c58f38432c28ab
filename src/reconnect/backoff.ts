/** How long to wait between two attempts, and when to give up. Times are milliseconds. */
export interface BackoffPolicy {
  readonly base: number;
  readonly multiplier: number;
  readonly cap: number;
  /** The least that jitter draws. */
  readonly floor: number;
  readonly jitter: boolean;
  /** Attempts in a row; 0 is without end. */
  readonly maxAttempts: number;
  /** The time from the first failure on; `undefined` is without end. */
  readonly maxElapsed: number | undefined;
  /** The count starts again once a connection was open for so long. */
  readonly resetAfter: number;
  /** The most that a server's Retry-After is obeyed. */
  readonly retryAfterCap: number;
}

/**
 * The wait before a retry; `retry` is 0 for the first.
 * @param random - In [0, 1).
 */
export function backoffDelay(policy: BackoffPolicy, retry: number, random: number): number {
  const upper = Math.min(policy.base * policy.multiplier ** retry, policy.cap);
  if (!policy.jitter) return upper;
  const lower = Math.min(policy.floor, upper);
  return lower + random * (upper - lower);
}

/** The attempts of one client in a row: counts them, and says how long to wait or that it is over. */
export class RetrySchedule {
  readonly #policy: BackoffPolicy;
  #retries = 0;
  #failures = 0;
  /** What has ended last was no failure: a connection that was open for long. */
  #isStable = false;
  #failingSince: number | undefined;

  constructor(policy: BackoffPolicy) {
    this.#policy = policy;
  }

  /** A connection has ended that was open for `age`. */
  onLost(age: number): void {
    if (age < this.#policy.resetAfter) return;
    this.reset();
    this.#isStable = true;
  }

  reset(): void {
    this.#retries = 0;
    this.#failures = 0;
    this.#failingSince = undefined;
  }

  /**
   * The wait before the next attempt; `undefined` where no more is to be made.
   * @param minDelay - Added to the draw, never maxed with it, or all clients come back in the same millisecond.
   */
  next(now: number, random: number, minDelay: number): number | undefined {
    const { maxAttempts, maxElapsed } = this.#policy;
    this.#failingSince ??= now;
    if (!this.#isStable) this.#failures++;
    this.#isStable = false;
    if (maxAttempts > 0 && this.#failures >= maxAttempts) return undefined;
    const delay = minDelay + backoffDelay(this.#policy, this.#retries, random);
    if (maxElapsed !== undefined && now + delay - this.#failingSince > maxElapsed) return undefined;
    this.#retries++;
    return delay;
  }
}
