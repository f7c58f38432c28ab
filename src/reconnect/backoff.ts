// Computes the delay before each reconnect attempt, and decides when to give up. This module sets no timer and reads no
// clock.

/** The delay between attempts, and the limits of a series of attempts. Times are in milliseconds. */
export interface BackoffPolicy {
  readonly base: number;
  readonly multiplier: number;
  readonly cap: number;
  /** The minimum delay if `jitter` is `true`. */
  readonly floor: number;
  readonly jitter: boolean;
  /** Maximum number of attempts in a row; 0 means no limit. */
  readonly maxAttempts: number;
  /** Maximum time since the first failure; `undefined` means no limit. */
  readonly maxElapsed: number | undefined;
  /**
   * If a connection was open for at least this number of milliseconds, the next attempt counts as the first attempt of
   * a new series.
   */
  readonly resetAfter: number;
}

/**
 * Returns the delay in milliseconds before a retry.
 * @param retry - The number of earlier retries.
 * @param random - In [0, 1).
 */
export function backoffDelay(policy: BackoffPolicy, retry: number, random: number): number {
  const upper = Math.min(policy.base * policy.multiplier ** retry, policy.cap);
  if (!policy.jitter) return upper;
  const lower = Math.min(policy.floor, upper);
  return lower + random * (upper - lower);
}

/** Counts the attempts of a series and returns the delay before the next attempt. */
export class RetrySchedule {
  readonly #policy: BackoffPolicy;
  #retries = 0;
  #failures = 0;
  /**
   * True if the last connection was open for at least `resetAfter`. The end of such a connection does not count as a
   * failure.
   */
  #isStable = false;
  #failingSince: number | undefined;

  constructor(policy: BackoffPolicy) {
    this.#policy = policy;
  }

  /** A connection that was open for `age` milliseconds has ended. */
  onLost(age: number): void {
    if (age < this.#policy.resetAfter) return;
    this.#isStable = true;
    this.#retries = 0;
    this.#failures = 0;
    this.#failingSince = undefined;
  }

  /**
   * Returns the delay before the next attempt, or `undefined` if no attempt may follow.
   * @param minDelay - Shortest delay in milliseconds. The random delay is added to `minDelay`, so that not all clients
   * reconnect in the same millisecond.
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
