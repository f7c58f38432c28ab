// A rate limiter: at most `perSecond` messages pass in any period of one second. It sets no timer and reads no clock.

/**
 * Allows a burst of as many messages as may pass in ten milliseconds. A timer that is up to ten milliseconds late then
 * costs no throughput. Because of the burst, the bucket is refilled at a slightly lower rate than `perSecond`.
 */
export class TokenBucket {
  /** Time in milliseconds between two tokens. */
  readonly #spacing: number;
  /** Milliseconds by which the last message of a burst may be earlier than with even spacing. */
  readonly #tolerance: number;
  /** Time in milliseconds at which the bucket would be full again. */
  #fullAt = -Infinity;

  /** @param perSecond - Greater than 0. For example, 0.5 means one message in two seconds. */
  constructor(perSecond: number) {
    const burst = Math.floor(perSecond / 100);
    this.#spacing = 1_000 / (perSecond - burst);
    this.#tolerance = burst * this.#spacing;
  }

  /** Time in milliseconds at which the next message may pass. A time in the past means immediately. */
  get nextAt(): number {
    return this.#fullAt - this.#tolerance;
  }

  take(now: number): boolean {
    if (now < this.nextAt) return false;
    this.#fullAt = Math.max(now, this.#fullAt) + this.#spacing;
    return true;
  }
}
