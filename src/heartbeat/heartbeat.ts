/** Milliseconds. */
export interface HeartbeatPolicy {
  /** Between two pings. */
  readonly interval: number;
  /** From a ping on, for any sign of life. */
  readonly timeout: number;
}

/**
 * What the owner is to do: send a ping; let what the kernel holds be read for one turn of I/O, then call
 * {@link Heartbeat.judge}; give the peer up; or nothing.
 */
export type HeartbeatAction = "ping" | "recheck" | "dead" | "none";

/** A timer that is later than this says that this process stood still, not that the peer did. */
const maxLateness = 100;
/** A timer counts whole milliseconds, and may be so much earlier than it was asked to be. */
const maxEarliness = 1;
/** A wall clock that has gone on by so much more than the steady one says that the machine slept. */
const minClockJump = 2_000;

/**
 * Judges by the clock alone whether the peer is alive. Times go in, an action comes out; when the last sign of life
 * came is asked for only where it matters, so that a read costs nothing here.
 */
export class Heartbeat {
  readonly #policy: HeartbeatPolicy;
  #nextPingAt: number;
  /** When the oldest ping was queued that has no sign of life behind it. */
  #unansweredPingAt: number | undefined;
  #clockDifference: number;
  #isPaused = false;

  /** @param random - In [0, 1): the first ping comes after a random part of the interval, so that a fleet does not beat as one. */
  constructor(policy: HeartbeatPolicy, now: number, wallNow: number, random: number) {
    this.#policy = policy;
    this.#nextPingAt = now + policy.interval * random;
    this.#clockDifference = wallNow - now;
  }

  /** When {@link onTimer} is to be called. */
  get nextAt(): number {
    const isAsked = this.#unansweredPingAt !== undefined && !this.#isPaused;
    return isAsked ? Math.min(this.#nextPingAt, this.#unansweredPingAt! + this.#policy.timeout) : this.#nextPingAt;
  }

  /**
   * A ping was queued.
   * @param lastActivityAt - When a byte last came, or the kernel last took bytes that it had refused.
   */
  onPing(now: number, lastActivityAt: number): void {
    if (this.#unansweredPingAt === undefined || lastActivityAt >= this.#unansweredPingAt) this.#unansweredPingAt = now;
    this.#nextPingAt = now + this.#policy.interval;
  }

  /** Our own back-pressure pauses the reading: pings go on, and no verdict is given. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Reading goes on, and the peer gets its whole time again. */
  resume(now: number): void {
    this.#isPaused = false;
    if (this.#unansweredPingAt !== undefined) this.#unansweredPingAt = now;
  }

  onTimer(now: number, wallNow: number, lastActivityAt: number): HeartbeatAction {
    const difference = wallNow - now;
    const hasSlept = difference - this.#clockDifference >= minClockJump;
    this.#clockDifference = difference;
    if (hasSlept) {
      // What was asked before the sleep says nothing: the peer is asked anew, and gets its whole time.
      this.#unansweredPingAt = undefined;
      this.#nextPingAt = now;
      return "recheck";
    }
    // What came while this process stood still is no answer to a ping that goes out now.
    if (now - this.nextAt > maxLateness) return "recheck";
    return this.evaluate(now, lastActivityAt);
  }

  /** The verdict, once all that the kernel held has been read. */
  evaluate(now: number, lastActivityAt: number): HeartbeatAction {
    if (this.#isTimedOut(now, lastActivityAt)) return "dead";
    if (this.#unansweredPingAt !== undefined && lastActivityAt >= this.#unansweredPingAt) this.#unansweredPingAt = undefined;
    return now > this.#nextPingAt - maxEarliness ? "ping" : "none";
  }

  /** `true` where the time of the oldest ping is over and nothing has come since. */
  #isTimedOut(now: number, lastActivityAt: number): boolean {
    if (this.#unansweredPingAt === undefined || this.#isPaused || lastActivityAt >= this.#unansweredPingAt) return false;
    return now >= this.#unansweredPingAt + this.#policy.timeout;
  }
}
