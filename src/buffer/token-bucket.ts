/**
 * Lets at most `perSecond` pass in any second, wherever that second begins. It holds what ten milliseconds bring, so
 * that a late timer costs no throughput, and fills by so much more slowly.
 */
export class TokenBucket {
  /** Milliseconds for one token. */
  readonly #spacing: number;
  /** How far ahead of the even spacing a burst may be. */
  readonly #tolerance: number;
  /** When the bucket would be full again. */
  #fullAt = -Infinity;

  /** @param perSecond - Above 0; 0.5 is one in two seconds. */
  constructor(perSecond: number) {
    const burst = Math.floor(perSecond / 100);
    this.#spacing = 1_000 / (perSecond - burst);
    this.#tolerance = burst * this.#spacing;
  }

  /** When the next may pass; in the past where one may pass at once. */
  get nextAt(): number {
    return this.#fullAt - this.#tolerance;
  }

  take(now: number): boolean {
    if (now < this.nextAt) return false;
    this.#fullAt = Math.max(now, this.#fullAt) + this.#spacing;
    return true;
  }
}
