import { heartbeatTimedOut, mutualStall } from "../connection/failures.js";
import type { LiveConnection } from "../connection/live-connection.js";
import { Heartbeat, type HeartbeatAction } from "../heartbeat/heartbeat.js";
import { StallWatch } from "../heartbeat/stall-watch.js";
import type { Runtime, Timer } from "../runtime/runtime.js";

export interface PulsePolicy {
  readonly interval: number;
  readonly timeout: number;
}

export interface PulseHandler {
  /** A ping is to be sent, of whatever kind. */
  sendPing(): void;
  /** Two ends wait for each other; the connection is given up. */
  onStalled(error: Error): void;
}

/** Keeps one connection's heartbeat: brings clock, timers and the link's signs of life to those that judge. */
export class Pulse {
  readonly #runtime: Runtime;
  readonly #policy: PulsePolicy;
  readonly #live: LiveConnection;
  readonly #handler: PulseHandler;
  readonly #heartbeat: Heartbeat;
  /** There from the first pause on. */
  #stall: StallWatch | undefined;
  #timer: Timer | undefined;
  #dueAt = 0;
  #loopLag = 0;
  #isStopped = false;

  constructor(runtime: Runtime, policy: PulsePolicy, live: LiveConnection, handler: PulseHandler) {
    this.#runtime = runtime;
    this.#policy = policy;
    this.#live = live;
    this.#handler = handler;
    this.#heartbeat = new Heartbeat(policy, runtime.now(), runtime.wallNow(), runtime.random());
    this.#arm();
  }

  /** By how many milliseconds a timer of it was late at most: so long did the event loop stand still. */
  get loopLag(): number {
    return this.#loopLag;
  }

  /** Our own back-pressure pauses the reading. */
  pause(): void {
    if (this.#isStopped) return;
    this.#heartbeat.hold();
    this.#stall ??= new StallWatch(this.#policy.timeout);
    this.#stall.pause(this.#runtime.now());
    this.#arm();
  }

  resume(): void {
    if (this.#isStopped) return;
    this.#heartbeat.release(this.#runtime.now());
    this.#stall?.resume();
    this.#arm();
  }

  /** The connection ends: its closing has a clock of its own. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer?.clear();
    const now = this.#runtime.now();
    const stallAt = this.#stall?.nextAt(now, this.#live.stuckSince) ?? Infinity;
    this.#dueAt = Math.max(Math.min(this.#heartbeat.nextAt, stallAt), now);
    this.#timer = this.#runtime.setTimer(this.#dueAt - now, this.#onTimer);
    // The socket holds the process, or is not to.
    this.#timer.unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    const now = this.#runtime.now();
    this.#loopLag = Math.max(this.#loopLag, now - this.#dueAt);
    if (this.#isStalled(now)) this.#lookAgain(() => this.#judgeStall());
    else this.#do(this.#heartbeat.onTimer(now, this.#runtime.wallNow(), this.#live.lastLifeAt));
  };

  /** What the kernel holds by now is read first, and what it can take is written: that takes a turn, and a timer's turn is half over. */
  #lookAgain(judge: () => void): void {
    this.#runtime.afterTurn(() =>
      this.#runtime.afterTurn(() => {
        if (!this.#isStopped) judge();
      }),
    );
  }

  #isStalled(now: number): boolean {
    return this.#stall?.isStalled(now, this.#live.stuckSince) === true;
  }

  #judge(): void {
    this.#do(this.#heartbeat.judge(this.#runtime.now(), this.#live.lastLifeAt));
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

  #do(action: HeartbeatAction): void {
    switch (action) {
      case "look":
        this.#lookAgain(() => this.#judge());
        return;
      case "dead":
        this.stop();
        this.#live.giveUp(heartbeatTimedOut(this.#policy.timeout));
        return;
      case "ping":
        this.#heartbeat.onPing(this.#runtime.now(), this.#live.lastLifeAt);
        // Before the ping: one of the user's own may be a message that is compressed.
        this.#live.releaseUnused();
        this.#handler.sendPing();
        break;
      case "none":
        break;
    }
    if (!this.#isStopped) this.#arm();
  }
}
