/**
 * Runs the heartbeat of one connection: it supplies `Heartbeat` and `StallWatch` with the clock, timers and receive
 * times, and performs what they decide. The rules themselves are in src/heartbeat.
 */
import { heartbeatTimedOut, mutualStall } from "../../connection/failures.js";
import type { LiveConnection } from "../../connection/live-connection.js";
import { Heartbeat, type HeartbeatAction } from "../../heartbeat/heartbeat.js";
import { StallWatch } from "../../heartbeat/stall-watch.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";

export interface HeartbeatDriverPolicy {
  /** The time between two pings, in milliseconds. */
  readonly interval: number;
  /** The time after a ping within which data must arrive, in milliseconds. */
  readonly timeout: number;
}

export interface HeartbeatDriverHandler {
  /** Send a ping: a ping frame or an application ping. */
  sendPing(): void;
  /** Neither end reads, because each waits for the other. The connection is abandoned after this call. */
  onStalled(error: Error): void;
}

/** Sends pings on one connection, and abandons it when the peer does not answer or both ends are stalled. */
export class HeartbeatDriver {
  readonly #runtime: Runtime;
  readonly #policy: HeartbeatDriverPolicy;
  readonly #live: LiveConnection;
  readonly #handler: HeartbeatDriverHandler;
  readonly #heartbeat: Heartbeat;
  /** Created at the first pause. */
  #stall: StallWatch | undefined;
  #timer: Timer | undefined;
  /** True if the timer was set for a full interval, so that it can be restarted. */
  #isFullInterval = false;
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

  /** The largest delay of a heartbeat timer in milliseconds. It shows for how long the event loop was blocked. */
  get loopLag(): number {
    return this.#loopLag;
  }

  /** Call this when the local side pauses reading. */
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

  /** Stops the heartbeat for good. The closing handshake has its own timeout. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #arm(now: number): void {
    const stallAt = this.#stall?.nextAt(now, this.#live.blockedSince) ?? Infinity;
    this.#dueAt = Math.max(Math.min(this.#heartbeat.nextAt, stallAt), now);
    const delay = this.#dueAt - now;
    // The tolerance, in milliseconds, covers the rounding error of the sum.
    const isBeat = Math.abs(delay - this.#policy.interval) < 0.001;
    if (this.#hasFired && isBeat && this.#isFullInterval && this.#timer?.restart !== undefined)
      this.#timer.restart();
    else this.#set(delay);
    this.#isFullInterval = isBeat;
    this.#hasFired = false;
  }

  #set(delay: number): void {
    this.#timer?.clear();
    // A bound function needs half the memory of a closure, which also keeps its scope alive.
    this.#timer = this.#runtime.setTimer(delay, this.#onTimer.bind(this));
    // Only the socket decides whether the process stays alive.
    this.#timer.unref();
  }

  #onTimer(): void {
    this.#hasFired = true;
    const now = this.#runtime.now();
    this.#loopLag = Math.max(this.#loopLag, now - this.#dueAt);
    if (this.#isStalled(now)) this.#recheckStall();
    else this.#perform(this.#heartbeat.onTimer(now, this.#runtime.wallNow(), this.#live.lastActivityAt), now);
  }

  /**
   * Runs `judge` after pending data was read and written. Otherwise a live peer could seem dead because the event loop
   * was blocked. The wait is two turns of the event loop, because a timer runs in the middle of a turn.
   */
  #afterPendingIo(judge: () => void): void {
    this.#runtime.afterTurn(() =>
      this.#runtime.afterTurn(() => {
        if (!this.#isStopped) judge();
      }),
    );
  }

  #recheckStall(): void {
    this.#afterPendingIo(() => this.#judgeStall());
  }

  #recheckPeer(): void {
    this.#afterPendingIo(() => this.#judge());
  }

  #isStalled(now: number): boolean {
    return this.#stall?.isStalled(now, this.#live.blockedSince) === true;
  }

  #judge(): void {
    const now = this.#runtime.now();
    this.#perform(this.#heartbeat.evaluate(now, this.#live.lastActivityAt), now);
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

  #perform(action: HeartbeatAction, now: number): void {
    switch (action) {
      case "recheck":
        this.#recheckPeer();
        return;
      case "dead":
        this.stop();
        this.#live.giveUp(heartbeatTimedOut(this.#policy.timeout));
        return;
      case "ping":
        this.#heartbeat.onPing(now, this.#live.lastActivityAt);
        // Before the ping, because a compressed application ping would count as a use of the compression memory.
        this.#live.releaseUnused();
        this.#handler.sendPing();
        break;
      case "none":
        break;
    }
    if (!this.#isStopped) this.#arm(now);
  }
}
