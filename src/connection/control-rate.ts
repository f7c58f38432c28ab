// Limits the rate of pings and pongs that arrive (`maxControlRate`). It reads no clock, and it does not fail the
// connection.

/**
 * The frames of this time in milliseconds may arrive at once. While the network stalls, the frames of an honest peer
 * wait in its socket. With the default heartbeat, a stall of more than 50 s ends the connection.
 */
const burstTime = 60_000;

/** A token bucket. A full bucket allows the frames of {@link burstTime}. */
export class ControlRate {
  /** Milliseconds per frame. */
  readonly #spacing: number;
  /** Time in milliseconds at which the bucket would be full again. */
  #fullAt = -Infinity;
  /** Time in milliseconds until which the frames of pauses may arrive in addition. */
  #creditEnd = -Infinity;

  constructor(perSecond: number) {
    this.#spacing = 1_000 / perSecond;
  }

  /**
   * Reading continues after a pause of the given duration in milliseconds. The frames of the pause may arrive within the
   * same time. If they take longer, they do not exceed the rate.
   */
  addPause(duration: number, now: number): void {
    this.#creditEnd = now + duration + this.#creditAt(now - duration);
  }

  #creditAt(now: number): number {
    return Math.max(0, this.#creditEnd - now);
  }

  /**
   * Counts a frame.
   *
   * @param now - When the frame arrived.
   * @returns `false` if too many frames have arrived.
   */
  take(now: number): boolean {
    this.#fullAt = Math.max(this.#fullAt, now - this.#creditAt(now)) + this.#spacing;
    // Half a frame more, because sums of fractions of a millisecond are rounded.
    return this.#fullAt <= now + burstTime + this.#spacing / 2;
  }
}
