import type { Runtime, Timer } from "../runtime/runtime.js";
import type { OpenTransport, Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { CallbackQueue } from "./callback-queue.js";
import { checkOptions } from "./check-options.js";
import { TimerHeap } from "./timer-heap.js";
import { VirtualPeer } from "./virtual-peer.js";

/** What plays the peers of a {@link VirtualRuntime}: a `ScriptedServer`, or code of the test's own. */
export interface VirtualServer {
  /** Called once for each connection that a client opens, before a byte of it; the peer is this server's from now on. */
  serve(peer: VirtualPeer, runtime: VirtualRuntime): void;
}

export interface VirtualRuntimeOptions {
  /** What `random` and `fillRandom` begin with: the same seed gives the same run. Default 1. */
  readonly seed?: number | undefined;
  /** Milliseconds since 1970 that `wallNow` says at the start. Default 0. */
  readonly wallStart?: number | undefined;
  /** Answers every connection, whatever its url. By default nobody does, and an attempt hangs. */
  readonly server?: VirtualServer | undefined;
  /**
   * Keeps every peer in {@link VirtualRuntime.peers}, closed ones too, with all that it has received, and overwrites what
   * a client has read as soon as it returns. Default `false`: a long run takes no more memory than a short one.
   */
  readonly isRecording?: boolean | undefined;
}

/** More than any test needs without a step of time: a run that goes on for longer feeds itself. */
const maxRounds = 100_000;

// Taken while the module loads, so that a test that fakes timers does not stop the virtual ones.
const { setImmediate } = globalThis;

/**
 * A world that moves when it is told, for the option `runtime`: its time passes in {@link advance} and
 * {@link advanceAsync} alone, its network is in memory and its randomness comes from a seed. One round of its event loop
 * is one of Node's: timers that are due, then what the network has brought, then `afterTurn`; what was deferred runs
 * behind each callback. Nothing runs between two calls.
 */
export class VirtualRuntime implements Runtime {
  readonly #server: VirtualServer | undefined;
  readonly #isRecording: boolean;
  readonly #peers = new Set<VirtualPeer>();
  readonly #defers = new CallbackQueue();
  readonly #events = new CallbackQueue();
  readonly #turns = new CallbackQueue();
  readonly #timers = new TimerHeap();
  #now = 0;
  #wallOffset: number;
  #random: number;
  #roundsAtOnce = 0;

  /** @throws TypeError for an unknown option. */
  constructor(options: VirtualRuntimeOptions = {}) {
    const own = checkOptions(options, ["seed", "wallStart", "server", "isRecording"]);
    const { seed = 1, wallStart = 0, server, isRecording = false } = own;
    this.#random = Math.imul(seed, 0x9e3779b1) || 1;
    this.#wallOffset = wallStart;
    this.#server = server;
    this.#isRecording = isRecording;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.#wallOffset;
  }

  /** As Node does, it takes less than a millisecond for one. */
  setTimer(delay: number, callback: () => void): Timer {
    return this.#timers.add(this.#now + Math.max(delay, 1), callback);
  }

  defer(callback: () => void): void {
    this.#defers.push(callback);
  }

  afterTurn(callback: () => void): void {
    this.#turns.push(callback);
  }

  random(): number {
    return this.#nextRandom() / 2 ** 32;
  }

  fillRandom(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.#nextRandom() >>> 24;
  }

  readonly openTransport: OpenTransport = (target: TransportTarget, handler: TransportHandler): Transport => {
    const peer = new VirtualPeer(target, handler, {
      post: (event) => this.#events.push(event),
      isRecording: this.#isRecording,
      onClosed: () => {
        if (!this.#isRecording) this.#peers.delete(peer);
      },
    });
    this.#peers.add(peer);
    this.#events.push(() => this.#server?.serve(peer, this));
    return peer.transport;
  };

  /** The other end of every open transport, in the order of their opening; with `isRecording` of the closed ones too. */
  get peers(): readonly VirtualPeer[] {
    return [...this.#peers];
  }

  /** Whether a timer or a transport would keep a process alive. */
  get isHeld(): boolean {
    return this.#timers.hasRef || this.peers.some(({ isHeld }) => isHeld);
  }

  /**
   * Runs all that comes due within `ms` milliseconds from now; 0 runs what is due already. Promises do not settle
   * meanwhile: see {@link advanceAsync}.
   *
   * @throws what a callback throws, an Error where callbacks call for each other without end, and a RangeError if `ms` is
   *   not a number from 0 on.
   */
  advance(ms: number): void {
    const end = this.#now + checkTime(ms);
    this.#roundsAtOnce = 0;
    while (this.#isDueBy(end)) this.#runRound(end);
    this.#now = Math.max(this.#now, end);
  }

  /** As {@link advance}, and lets promises settle before and after each round. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + checkTime(ms);
    this.#roundsAtOnce = 0;
    await promisesSettled();
    while (this.#isDueBy(end)) {
      this.#runRound(end);
      await promisesSettled();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Lets `ms` milliseconds pass in which the process does not get to run: what comes due meanwhile is late. */
  stall(ms: number): void {
    this.#now += checkTime(ms);
  }

  /** Sets the wall clock on by `ms` milliseconds; the other clock does not notice. */
  shiftWallClock(ms: number): void {
    this.#wallOffset += ms;
  }

  #isDueBy(end: number): boolean {
    const waiting = this.#defers.length + this.#events.length + this.#turns.length;
    return waiting > 0 || (this.#timers.first?.dueAt ?? Infinity) <= end;
  }

  #runRound(end: number): void {
    if (this.#roundsAtOnce++ === maxRounds)
      throw new Error(`Not at rest after ${maxRounds} rounds, ${end - this.#now} ms to go`);
    this.#runDefers();
    const isIdle = this.#events.length + this.#turns.length === 0;
    const next = this.#timers.first;
    if (isIdle && next !== undefined && next.dueAt <= end) this.#moveTo(next.dueAt);
    this.#runTimers();
    this.#runAll(this.#events);
    this.#runAll(this.#turns);
  }

  #moveTo(time: number): void {
    if (time <= this.#now) return;
    this.#now = time;
    this.#roundsAtOnce = 0;
  }

  #runTimers(): void {
    for (;;) {
      const timer = this.#timers.first;
      if (timer === undefined || timer.dueAt > this.#now) return;
      this.#timers.remove(timer);
      timer.callback();
      this.#runDefers();
    }
  }

  /** Runs what is in `queue` by now; what is added meanwhile has its turn in the next round. */
  #runAll(queue: CallbackQueue): void {
    for (let count = queue.length; count > 0; count--) {
      queue.shift()?.();
      this.#runDefers();
    }
  }

  #runDefers(): void {
    for (let next = this.#defers.shift(); next !== undefined; next = this.#defers.shift()) next();
  }

  /** Marsaglia's xorshift with 32 bits. */
  #nextRandom(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return this.#random >>> 0;
  }
}

/** Without this check, `advance()` without a number would do nothing, and the test would not notice. */
function checkTime(ms: number): number {
  if (typeof ms === "number" && ms >= 0) return ms;
  throw new RangeError(`The time to advance must be milliseconds from 0 on, not ${String(ms)}.`);
}

/** Resolves behind every promise that can settle without the world outside. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
