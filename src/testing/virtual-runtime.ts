/**
 * A runtime with virtual time, a deterministic source of randomness and an in-memory network. It does not replace the
 * global timers.
 */
import { LinkedQueue } from "../runtime/linked-queue.js";
import type { Runtime, Timer } from "../runtime/runtime.js";
import type { OpenTransport, Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { checkOptions } from "./check-options.js";
import { TimerHeap } from "./timer-heap.js";
import { VirtualPeer } from "./virtual-peer.js";

/** The server for all connections of a {@link VirtualRuntime}: a `ScriptedServer`, or an implementation of the test. */
export interface VirtualServer {
  /**
   * Called once for each connection of a client, before the first byte of the connection. From then on, the server
   * controls `peer`.
   */
  serve(peer: VirtualPeer, runtime: VirtualRuntime): void;
}

export interface VirtualRuntimeOptions {
  /** Seed of `random` and `fillRandom`. The same seed produces the same run. Default 1. */
  readonly seed?: number | undefined;
  /** Initial value of `wallNow`, in milliseconds since 1970. Default 0. */
  readonly wallStart?: number | undefined;
  /** Handles every connection, whatever its URL. Default: none; attempts stay pending. */
  readonly server?: VirtualServer | undefined;
  /**
   * With `true`, closed peers stay in {@link VirtualRuntime.peers}, and each peer keeps the bytes that it received. In
   * addition, the buffer into which a client reads is overwritten after each read. With `false`, memory does not grow
   * with the length of the run. Default `false`.
   */
  readonly isRecording?: boolean | undefined;
}

/**
 * Maximum number of rounds at the same virtual time. If there are more rounds, the callbacks are assumed to schedule
 * each other without end.
 */
const maxRounds = 100_000;

// Keeps the real `setImmediate`: fake timers of a test replace the global function, and would otherwise stop the
// virtual runtime.
const { setImmediate } = globalThis;

/**
 * A deterministic runtime for the option `runtime`, with an in-memory network and random values from a seed. Time
 * passes only in {@link advance}, {@link advanceAsync} and {@link stall}. Between calls of these methods nothing runs.
 *
 * Each round of the event loop has the order of Node.js: due timers, network events, then callbacks of `afterTurn`.
 * Deferred callbacks run after each callback.
 */
export class VirtualRuntime implements Runtime {
  readonly #server: VirtualServer | undefined;
  readonly #isRecording: boolean;
  readonly #peers = new Set<VirtualPeer>();
  readonly #defers = new LinkedQueue<() => void>();
  readonly #events = new LinkedQueue<() => void>();
  readonly #turns = new LinkedQueue<() => void>();
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

  /** Sets a timer. Like Node.js, it treats a delay of less than one millisecond as one millisecond. */
  setTimer(delay: number, callback: () => void): Timer {
    return this.#timers.add(this.#now + Math.max(delay, 1), callback);
  }

  defer(callback: () => void): void {
    this.#defers.add(callback);
  }

  afterTurn(callback: () => void): void {
    this.#turns.add(callback);
  }

  random(): number {
    return this.#nextRandom() / 2 ** 32;
  }

  fillRandom(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.#nextRandom() >>> 24;
  }

  readonly openTransport: OpenTransport = (target: TransportTarget, handler: TransportHandler): Transport => {
    const peer = new VirtualPeer(target, handler, {
      post: (event) => void this.#events.add(event),
      isRecording: this.#isRecording,
      onClosed: () => {
        if (!this.#isRecording) this.#peers.delete(peer);
      },
    });
    this.#peers.add(peer);
    this.#events.add(() => this.#server?.serve(peer, this));
    return peer.transport;
  };

  /** The server's side of all open transports, oldest first. With `isRecording`, closed transports are included. */
  get peers(): readonly VirtualPeer[] {
    return [...this.#peers];
  }

  /** Whether real timers and sockets in the current state would keep the process alive. */
  get isHeld(): boolean {
    return this.#timers.hasRef || this.peers.some(({ isHeld }) => isHeld);
  }

  /**
   * Advances the time by `ms` milliseconds and runs everything that becomes due. With 0, runs everything that is due
   * already. Promises do not settle during the call: use {@link advanceAsync} for promises.
   *
   * @throws RangeError if `ms` is negative or not a number.
   * @throws Error if callbacks schedule each other without end. Errors of callbacks are rethrown.
   */
  advance(ms: number): void {
    const end = this.#now + checkTime(ms);
    this.#roundsAtOnce = 0;
    while (this.#isDueBy(end)) this.#runRound(end);
    this.#now = Math.max(this.#now, end);
  }

  /** Like {@link advance}, but promises settle before and after each round. */
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

  /**
   * Advances the time by `ms` milliseconds without running anything, as if the process were blocked. Due timers then
   * fire late.
   */
  stall(ms: number): void {
    this.#now += checkTime(ms);
  }

  /**
   * Moves the wall clock forward by `ms` milliseconds. A negative number moves the clock back. `now()` is not affected.
   */
  shiftWallClock(ms: number): void {
    this.#wallOffset += ms;
  }

  #isDueBy(end: number): boolean {
    const waiting = this.#defers.length + this.#events.length + this.#turns.length;
    return waiting > 0 || (this.#timers.first?.dueAt ?? Infinity) <= end;
  }

  #runRound(end: number): void {
    if (this.#roundsAtOnce++ === maxRounds)
      throw new Error(
        `Not idle after ${maxRounds} rounds at ${this.#now} ms: callbacks schedule each other without end.`,
      );
    this.#runDefers();
    const isIdle = this.#events.length + this.#turns.length === 0;
    const next = this.#timers.first;
    if (isIdle && next !== undefined && next.dueAt <= end && next.dueAt > this.#now) {
      this.#now = next.dueAt;
      this.#roundsAtOnce = 0;
    }
    this.#runTimers();
    this.#runAll(this.#events);
    this.#runAll(this.#turns);
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

  /** Runs the callbacks that are in `queue` now. Callbacks that are added meanwhile run in the next round. */
  #runAll(queue: LinkedQueue<() => void>): void {
    for (let count = queue.length; count > 0; count--) {
      queue.shift()?.();
      this.#runDefers();
    }
  }

  #runDefers(): void {
    for (let next = this.#defers.shift(); next !== undefined; next = this.#defers.shift()) next();
  }

  /** Returns the next value of Marsaglia's 32-bit xorshift generator. */
  #nextRandom(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return this.#random >>> 0;
  }
}

/** Checks the argument, because `advance()` without a number would do nothing and the test would not notice. */
function checkTime(ms: number): number {
  if (typeof ms === "number" && ms >= 0) return ms;
  throw new RangeError(`The time to advance must be milliseconds from 0 on, not ${String(ms)}.`);
}

/** Resolves after all promises that do not depend on I/O or real timers have settled. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
