import { heartbeatTimedOut, mutualStall } from "../../connection/failures.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import { Heartbeat, type HeartbeatAction } from "../../heartbeat/heartbeat.js";
import { StallWatch } from "../../heartbeat/stall-watch.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";

export interface HeartbeatDriverPolicy {
  readonly interval: number;
  readonly timeout: number;
}

export interface HeartbeatDriverHandler {
  /** A ping is to be sent, of whatever kind. */
  sendPing(): void;
  /** Two ends wait for each other; the connection is given up. */
  onStalled(error: Error): void;
}

/** Keeps one connection's heartbeat: brings clock, timers and the link's signs of life to those that judge. */
export class HeartbeatDriver {
  readonly #runtime: Runtime;
  readonly #policy: HeartbeatDriverPolicy;
  readonly #live: LiveConnection;
  readonly #handler: HeartbeatDriverHandler;
  readonly #heartbeat: Heartbeat;
  /** There from the first pause on. */
  #stall: StallWatch | undefined;
  #timer: Timer | undefined;
  /** The timer was set for a whole interval. */
  #isBeating = false;
  #dueAt = 0;
  #loopLag = 0;
  #hasFired = false;
  #isStopped = false;

  constructor(
    runtime: Runtime,
    policy: HeartbeatDriverPolicy,
    live: LiveConnection,
    handler: HeartbeatDriverHandler,
  ) {
    this.#runtime = runtime;
    this.#policy = policy;
    this.#live = live;
    this.#handler = handler;
    const now = runtime.now();
    this.#heartbeat = new Heartbeat(policy, now, runtime.wallNow(), runtime.random());
    this.#arm(now);
  }

  /** By how many milliseconds a timer of it was late at most: so long did the event loop stand still. */
  get loopLag(): number {
    return this.#loopLag;
  }

  /** Our own back-pressure pauses the reading. */
  pause(): void {
    if (this.#isStopped) return;
    const now = this.#runtime.now();
    this.#heartbeat.hold();
    this.#stall ??= new StallWatch(this.#policy.timeout);
    this.#stall.pause(now);
    this.#arm(now);
  }

  resume(): void {
    if (this.#isStopped) return;
    const now = this.#runtime.now();
    this.#heartbeat.release(now);
    this.#stall?.resume();
    this.#arm(now);
  }

  /** The connection ends: its closing has a clock of its own. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #arm(now: number): void {
    const stallAt = this.#stall?.nextAt(now, this.#live.stuckSince) ?? Infinity;
    this.#dueAt = Math.max(Math.min(this.#heartbeat.nextAt, stallAt), now);
    const delay = this.#dueAt - now;
    // From beat to beat, but for what the sum of two times leaves.
    const isBeat = Math.abs(delay - this.#policy.interval) < 0.001;
    if (this.#hasFired && isBeat && this.#isBeating && this.#timer?.restart !== undefined)
      this.#timer.restart();
    else this.#set(delay);
    this.#isBeating = isBeat;
    this.#hasFired = false;
  }

  #set(delay: number): void {
    this.#timer?.clear();
    // Bound: a function that is made here would hold its surroundings too, and takes twice as much.
    this.#timer = this.#runtime.setTimer(delay, this.#onTimer.bind(this));
    // The socket holds the process, or is not to.
    this.#timer.unref();
  }

  #onTimer(): void {
    this.#hasFired = true;
    const now = this.#runtime.now();
    this.#loopLag = Math.max(this.#loopLag, now - this.#dueAt);
    if (this.#isStalled(now)) this.#lookAtStall();
    else this.#do(this.#heartbeat.onTimer(now, this.#runtime.wallNow(), this.#live.lastLifeAt), now);
  }

  /** What the kernel holds by now is read first, and what it can take is written: that takes a turn, and a timer's turn is half over. */
  #lookAgain(judge: () => void): void {
    this.#runtime.afterTurn(() =>
      this.#runtime.afterTurn(() => {
        if (!this.#isStopped) judge();
      }),
    );
  }

  #lookAtStall(): void {
    this.#lookAgain(() => this.#judgeStall());
  }

  #lookAtPeer(): void {
    this.#lookAgain(() => this.#judge());
  }

  #isStalled(now: number): boolean {
    return this.#stall?.isStalled(now, this.#live.stuckSince) === true;
  }

  #judge(): void {
    const now = this.#runtime.now();
    this.#do(this.#heartbeat.judge(now, this.#live.lastLifeAt), now);
  }

  #judgeStall(): void {
    const { timeout } = this.#policy;
    if (this.#isStalled(this.#runtime.now())) {
      this.stop();
      const error = mutualStall(timeout);
      this.#handler.onStalled(error);
      this.#live.giveUp(error);
    } else {
      this.#judge();
    }
  }

  #do(action: HeartbeatAction, now: number): void {
    switch (action) {
      case "look":
        this.#lookAtPeer();
        return;
      case "dead":
        this.stop();
        this.#live.giveUp(heartbeatTimedOut(this.#policy.timeout));
        return;
      case "ping":
        this.#heartbeat.onPing(now, this.#live.lastLifeAt);
        // Before the ping: one of the user's own may be a message that is compressed.
        this.#live.releaseUnused();
        this.#handler.sendPing();
        break;
      case "none":
        break;
    }
    if (!this.#isStopped) this.#arm(now);
  }
}
