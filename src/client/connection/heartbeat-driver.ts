/**
 * Runs the heartbeat of one connection: it reads the clock, sets the timer, and performs the decisions of `Heartbeat`
 * and `StallWatch`. It does not contain the rules of these decisions.
 */
import { heartbeatTimedOut, mutualStall } from "../../connection/failures.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import { Heartbeat, type HeartbeatAction, type HeartbeatPolicy } from "../../heartbeat/heartbeat.js";
import { StallWatch } from "../../heartbeat/stall-watch.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";

export interface HeartbeatDriverHandler {
  /** A ping is due: send a ping frame or an application ping. */
  sendPing(): void;
  /** Neither end reads, because each end waits for the other. The connection is abandoned after this call. */
  onError(error: Error): void;
}

/** Sends pings on one connection. Abandons the connection if the peer does not answer, or if both ends are stalled. */
export class HeartbeatDriver {
  readonly #runtime: Runtime;
  readonly #policy: HeartbeatPolicy;
  readonly #live: LiveConnection;
  readonly #handler: HeartbeatDriverHandler;
  readonly #heartbeat: Heartbeat;
  /** Detects that both ends wait for each other. Created at the first pause of reading. */
  #stall: StallWatch | undefined;
  #timer: Timer | undefined;
  /** True if the delay of the timer is a full interval. Such a timer can be restarted. */
  #isFullInterval = false;
  #dueAt = 0;
  #loopLag = 0;
  #hasFired = false;
  #isStopped = false;

  constructor(
    runtime: Runtime,
    policy: HeartbeatPolicy,
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

  /** The largest delay of a heartbeat timer, in milliseconds. A blocked event loop causes such delays. */
  get loopLag(): number {
    return this.#loopLag;
  }

  /** Reading was paused by this client. */
  pause(): void {
    if (this.#isStopped) return;
    const now = this.#runtime.now();
    this.#heartbeat.pause();
    this.#stall ??= new StallWatch(this.#policy.timeout);
    this.#stall.pause(now);
    this.#arm(now);
  }

  resume(): void {
    if (this.#isStopped) return;
    const now = this.#runtime.now();
    this.#heartbeat.resume(now);
    this.#stall?.resume();
    this.#arm(now);
  }

  /** Stops the heartbeat permanently. The closing handshake has its own timeout. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #arm(now: number): void {
    const stallAt = this.#stall?.nextAt(now, this.#live.blockedSince) ?? Infinity;
    this.#dueAt = Math.max(Math.min(this.#heartbeat.nextAt, stallAt), now);
    const delay = this.#dueAt - now;
    // The sum of two times is rounded. The tolerance of 0.001 ms covers the rounding error.
    const isFullInterval = Math.abs(delay - this.#policy.interval) < 0.001;
    if (this.#hasFired && isFullInterval && this.#isFullInterval && this.#timer?.restart !== undefined) {
      this.#timer.restart();
    } else {
      this.#timer?.clear();
      // A bound function needs half the memory of a closure: a closure also keeps its scope alive.
      this.#timer = this.#runtime.setTimer(delay, this.#onTimer.bind(this));
      // The socket alone decides whether the process stays alive.
      this.#timer.unref();
    }
    this.#isFullInterval = isFullInterval;
    this.#hasFired = false;
  }

  #onTimer(): void {
    this.#hasFired = true;
    const now = this.#runtime.now();
    this.#loopLag = Math.max(this.#loopLag, now - this.#dueAt);
    if (this.#isStalled(now)) this.#afterPendingIo(() => this.#judgeStall());
    else this.#perform(this.#heartbeat.onTimer(now, this.#runtime.wallNow(), this.#live.lastActivityAt), now);
  }

  /**
   * Calls `judge` after pending data was read and written. A blocked event loop delays that data, so a live peer could
   * seem dead. Two turns of the event loop are awaited, because a timer runs in the middle of a turn.
   */
  #afterPendingIo(judge: () => void): void {
    this.#runtime.afterTurn(() =>
      this.#runtime.afterTurn(() => {
        if (!this.#isStopped) judge();
      }),
    );
  }

  #isStalled(now: number): boolean {
    return this.#stall?.isStalled(now, this.#live.blockedSince) === true;
  }

  #judge(): void {
    const now = this.#runtime.now();
    this.#perform(this.#heartbeat.evaluate(now, this.#live.lastActivityAt), now);
  }

  #judgeStall(): void {
    if (!this.#isStalled(this.#runtime.now())) {
      this.#judge();
      return;
    }
    this.stop();
    const error = mutualStall(this.#policy.timeout);
    this.#handler.onError(error);
    this.#live.giveUp(error);
  }

  #perform(action: HeartbeatAction, now: number): void {
    if (action === "recheck") {
      this.#afterPendingIo(() => this.#judge());
      return;
    }
    if (action === "dead") {
      this.stop();
      this.#live.giveUp(heartbeatTimedOut(this.#policy.timeout));
    } else if (action === "ping") {
      this.#heartbeat.onPing(now, this.#live.lastActivityAt);
      // The memory is released before the ping: a compressed application ping would count as a use of that memory.
      this.#live.releaseUnused();
      this.#handler.sendPing();
    }
    if (!this.#isStopped) this.#arm(now);
  }
}
