// Decides from times alone whether the peer is alive and when to send a ping. It reads no clock, sets no timer and
// sends nothing: the caller passes the times and performs the returned action.

/** Times in milliseconds. */
export interface HeartbeatPolicy {
  /** Time between two pings. */
  readonly interval: number;
  /** Time after a ping within which any activity of the peer must occur. */
  readonly timeout: number;
}

/**
 * What the caller must do.
 * - `ping`: send a ping.
 * - `recheck`: let one turn of the event loop read the data that is pending in the kernel, then call
 *   {@link Heartbeat.evaluate}.
 * - `dead`: close the connection.
 * - `none`: nothing.
 */
export type HeartbeatAction = "ping" | "recheck" | "dead" | "none";

/**
 * A timer that is later than this, in milliseconds, means that the event loop was blocked. It says nothing about the
 * peer.
 */
const maxLateness = 100;
/** Node counts timers in whole milliseconds, so a timer may fire up to 1 ms early. */
const maxEarliness = 1;
/**
 * If the wall clock has advanced by this many milliseconds more than the monotonic clock, the machine was suspended.
 */
const minClockJump = 2_000;

/** The caller passes the time of the last activity only when it is needed, so that a read causes no work here. */
export class Heartbeat {
  readonly #policy: HeartbeatPolicy;
  #nextPingAt: number;
  /** Time of the oldest ping that was queued without later activity of the peer. */
  #unansweredPingAt: number | undefined;
  #clockDifference: number;
  #isPaused = false;

  /**
   * @param random - In [0, 1). The first ping is sent after this part of the interval, so that many clients do not send
   * their pings at the same time.
   */
  constructor(policy: HeartbeatPolicy, now: number, wallNow: number, random: number) {
    this.#policy = policy;
    this.#nextPingAt = now + policy.interval * random;
    this.#clockDifference = wallNow - now;
  }

  /** When {@link onTimer} must be called. */
  get nextAt(): number {
    const isAwaitingAnswer = this.#unansweredPingAt !== undefined && !this.#isPaused;
    return isAwaitingAnswer
      ? Math.min(this.#nextPingAt, this.#unansweredPingAt! + this.#policy.timeout)
      : this.#nextPingAt;
  }

  /**
   * A ping was queued.
   * @param lastActivityAt - When the last byte arrived, or when the kernel last accepted bytes that it had refused.
   */
  onPing(now: number, lastActivityAt: number): void {
    if (this.#unansweredPingAt === undefined || lastActivityAt >= this.#unansweredPingAt)
      this.#unansweredPingAt = now;
    this.#nextPingAt = now + this.#policy.interval;
  }

  /** Reading is paused because of back-pressure. Pings continue, and the peer is not considered dead. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Reading has resumed. The peer gets the full timeout again. */
  resume(now: number): void {
    this.#isPaused = false;
    if (this.#unansweredPingAt !== undefined) this.#unansweredPingAt = now;
  }

  onTimer(now: number, wallNow: number, lastActivityAt: number): HeartbeatAction {
    const difference = wallNow - now;
    const wasSuspended = difference - this.#clockDifference >= minClockJump;
    this.#clockDifference = difference;
    if (wasSuspended) {
      // A ping from before the suspension proves nothing: a new ping is sent, and the peer gets the full timeout.
      this.#unansweredPingAt = undefined;
      this.#nextPingAt = now;
      return "recheck";
    }
    // Data that arrived while the event loop was blocked is no answer to a ping that is sent now.
    if (now - this.nextAt > maxLateness) return "recheck";
    return this.evaluate(now, lastActivityAt);
  }

  /** Decides after all data that was pending in the kernel has been read. */
  evaluate(now: number, lastActivityAt: number): HeartbeatAction {
    if (this.#isTimedOut(now, lastActivityAt)) return "dead";
    if (this.#unansweredPingAt !== undefined && lastActivityAt >= this.#unansweredPingAt)
      this.#unansweredPingAt = undefined;
    return now > this.#nextPingAt - maxEarliness ? "ping" : "none";
  }

  /** True if the oldest ping has timed out and there was no activity since. */
  #isTimedOut(now: number, lastActivityAt: number): boolean {
    if (this.#unansweredPingAt === undefined || this.#isPaused || lastActivityAt >= this.#unansweredPingAt)
      return false;
    return now >= this.#unansweredPingAt + this.#policy.timeout;
  }
}
