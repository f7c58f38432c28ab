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
export type HeartbeatAction = "ping" | "look" | "dead" | "none";

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
  #askedAt: number | undefined;
  #clockDifference: number;
  #isHeld = false;

  /** @param random - In [0, 1): the first ping comes after a random part of the interval, so that a fleet does not beat as one. */
  constructor(policy: HeartbeatPolicy, now: number, wallNow: number, random: number) {
    this.#policy = policy;
    this.#nextPingAt = now + policy.interval * random;
    this.#clockDifference = wallNow - now;
  }

  /** When {@link onTimer} is to be called. */
  get nextAt(): number {
    const isAsked = this.#askedAt !== undefined && !this.#isHeld;
    return isAsked ? Math.min(this.#nextPingAt, this.#askedAt! + this.#policy.timeout) : this.#nextPingAt;
  }

  /**
   * A ping was queued.
   * @param lastLifeAt - When a byte last came, or the kernel last took bytes that it had refused.
   */
  onPing(now: number, lastLifeAt: number): void {
    if (this.#askedAt === undefined || lastLifeAt >= this.#askedAt) this.#askedAt = now;
    this.#nextPingAt = now + this.#policy.interval;
  }

  /** Our own back-pressure pauses the reading: pings go on, and no verdict is given. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Reading goes on, and the peer gets its whole time again. */
  release(now: number): void {
    this.#isHeld = false;
    if (this.#askedAt !== undefined) this.#askedAt = now;
  }

  onTimer(now: number, wallNow: number, lastLifeAt: number): HeartbeatAction {
    const difference = wallNow - now;
    const hasSlept = difference - this.#clockDifference >= minClockJump;
    this.#clockDifference = difference;
    if (hasSlept) {
      // What was asked before the sleep says nothing: the peer is asked anew, and gets its whole time.
      this.#askedAt = undefined;
      this.#nextPingAt = now;
      return "look";
    }
    // What came while this process stood still is no answer to a ping that goes out now.
    if (now - this.nextAt > maxLateness) return "look";
    return this.judge(now, lastLifeAt);
  }

  /** The verdict, once all that the kernel held has been read. */
  judge(now: number, lastLifeAt: number): HeartbeatAction {
    if (this.#isDue(now, lastLifeAt)) return "dead";
    if (this.#askedAt !== undefined && lastLifeAt >= this.#askedAt) this.#askedAt = undefined;
    return now > this.#nextPingAt - maxEarliness ? "ping" : "none";
  }

  /** `true` where the time of the oldest ping is over and nothing has come since. */
  #isDue(now: number, lastLifeAt: number): boolean {
    if (this.#askedAt === undefined || this.#isHeld || lastLifeAt >= this.#askedAt) return false;
    return now >= this.#askedAt + this.#policy.timeout;
  }
}
