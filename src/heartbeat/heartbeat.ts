// Decides whether the peer is alive and when to send a ping. It reads no clock, sets no timer and sends nothing: the
// caller passes the times and performs the returned action.

/** The times of a heartbeat in milliseconds. */
export interface HeartbeatPolicy {
  /** Time between two pings. */
  readonly interval: number;
  /** Maximum time between a ping and the next activity of the peer. */
  readonly timeout: number;
}

/**
 * The action that the caller must perform.
 * - `ping`: send a ping.
 * - `recheck`: let one turn of the event loop read the data that is pending in the kernel, then call
 *   {@link Heartbeat.evaluate}.
 * - `dead`: close the connection.
 * - `none`: nothing.
 */
export type HeartbeatAction = "ping" | "recheck" | "dead" | "none";

/**
 * Maximum delay of a timer in milliseconds. A longer delay means that the event loop was blocked, not that the peer is
 * dead.
 */
const maxLateness = 100;
/** Node counts timers in whole milliseconds, so a timer may fire up to 1 ms early. */
const maxEarliness = 1;
/** If the wall clock has advanced this many milliseconds more than the monotonic clock, the machine was suspended. */
const minClockJump = 2_000;

/** The caller passes the time of the last activity only when a timer fires, so that a read causes no work here. */
export class Heartbeat {
  readonly #policy: HeartbeatPolicy;
  #nextPingAt: number;
  /** Time of the oldest ping after which the peer had no activity. */
  #unansweredPingAt: number | undefined;
  #clockDifference: number;
  #isPaused = false;

  /**
   * @param random - In [0, 1). The first ping is sent after this fraction of the interval, so that many clients do not
   * send their pings at the same time.
   */
  constructor(policy: HeartbeatPolicy, now: number, wallNow: number, random: number) {
    this.#policy = policy;
    this.#nextPingAt = now + policy.interval * random;
    this.#clockDifference = wallNow - now;
  }

  /** Time at which {@link onTimer} must be called. */
  get nextAt(): number {
    if (this.#unansweredPingAt === undefined || this.#isPaused) return this.#nextPingAt;
    return Math.min(this.#nextPingAt, this.#unansweredPingAt + this.#policy.timeout);
  }

  /**
   * A ping was queued.
   * @param lastActivityAt - Time at which the last byte arrived, or at which the kernel last accepted bytes that it had
   * refused before.
   */
  onPing(now: number, lastActivityAt: number): void {
    if (lastActivityAt >= (this.#unansweredPingAt ?? -Infinity)) this.#unansweredPingAt = now;
    this.#nextPingAt = now + this.#policy.interval;
  }

  /** Reading is paused because of back-pressure. Pings are still sent, and the peer is not considered dead. */
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
      // An unanswered ping from before the suspension is ignored. The peer gets the full timeout after a new ping.
      this.#unansweredPingAt = undefined;
      this.#nextPingAt = now;
      return "recheck";
    }
    // Data that arrived while the event loop was blocked must be read before the next ping: it is no answer to that
    // ping.
    if (now - this.nextAt > maxLateness) return "recheck";
    return this.evaluate(now, lastActivityAt);
  }

  /** Decides about the peer. Must be called after all data that was pending in the kernel has been read. */
  evaluate(now: number, lastActivityAt: number): HeartbeatAction {
    const pingAt = this.#unansweredPingAt ?? Infinity;
    if (lastActivityAt >= pingAt) this.#unansweredPingAt = undefined;
    else if (!this.#isPaused && now >= pingAt + this.#policy.timeout) return "dead";
    return now > this.#nextPingAt - maxEarliness ? "ping" : "none";
  }
}
