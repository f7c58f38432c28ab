import type { Runtime, Timer } from "../../src/runtime/runtime.js";
import type { OpenTransport, Transport } from "../../src/transport/transport.js";
import { VirtualPeer } from "./virtual-peer.js";

export interface VirtualRuntimeOptions {
  /** What `random` and `fillRandom` begin with: the same seed gives the same run. Default 1. */
  readonly seed?: number;
  /** What `wallNow` says at the start. Default 0. */
  readonly wallStart?: number;
  /** Plays the peer of each transport, from its opening on. By default nobody answers. */
  readonly onConnect?: (peer: VirtualPeer) => void;
}

/** More than any test needs: a run that goes on for longer feeds itself. */
const maxRounds = 100_000;

// Taken while the module loads, so that a test that fakes timers does not stop the virtual ones.
const { setImmediate } = globalThis;

/**
 * A world that moves when it is told: its time passes in {@link advance} alone, its network is in memory and its
 * randomness comes from a seed. One round of its event loop is one of Node's: timers that are due, then what the network
 * has brought, then `afterTurn`; what was deferred runs behind each callback. Nothing runs between two calls.
 */
export class VirtualRuntime implements Runtime {
  /** Every transport's other end, in the order of their opening. */
  readonly peers: VirtualPeer[] = [];
  readonly #onConnect: (peer: VirtualPeer) => void;
  readonly #defers: (() => void)[] = [];
  readonly #events: (() => void)[] = [];
  readonly #turns: (() => void)[] = [];
  #timers: VirtualTimer[] = [];
  #now = 0;
  #wallOffset: number;
  #random: number;

  constructor({ seed = 1, wallStart = 0, onConnect = () => undefined }: VirtualRuntimeOptions = {}) {
    this.#random = Math.imul(seed, 0x9e3779b1) || 1;
    this.#wallOffset = wallStart;
    this.#onConnect = onConnect;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.#wallOffset;
  }

  /** As Node does, it takes less than a millisecond for one. */
  setTimer(delay: number, callback: () => void): Timer {
    const timer = new VirtualTimer(this.#now + Math.max(delay, 1), callback, () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    });
    const later = this.#timers.findIndex(({ dueAt }) => dueAt > timer.dueAt);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    return timer;
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

  readonly openTransport: OpenTransport = (target, handler): Transport => {
    const peer = new VirtualPeer(target, handler, (event) => this.#events.push(event));
    this.peers.push(peer);
    this.#events.push(() => this.#onConnect(peer));
    return peer.transport;
  };

  /** Whether a timer or a transport would keep a process alive. */
  get isHeld(): boolean {
    return this.#timers.some(({ isRef }) => isRef) || this.peers.some(({ isHeld }) => isHeld);
  }

  /** Runs all that comes due within `ms` milliseconds from now; 0 runs what is due already. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let rounds = 0; this.#isDueBy(end); rounds++) this.#runRound(rounds, end);
    this.#now = Math.max(this.#now, end);
  }

  /** As {@link advance}, and lets promises settle before and after each round. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await promisesSettled();
    for (let rounds = 0; this.#isDueBy(end); rounds++) {
      this.#runRound(rounds, end);
      await promisesSettled();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Lets time pass in which the process does not get to run: what comes due meanwhile is late. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Sets the wall clock on by `ms` milliseconds; the other clock does not notice. */
  shiftWallClock(ms: number): void {
    this.#wallOffset += ms;
  }

  #isDueBy(end: number): boolean {
    const waiting = this.#defers.length + this.#events.length + this.#turns.length;
    return waiting > 0 || (this.#timers[0]?.dueAt ?? Infinity) <= end;
  }

  #runRound(rounds: number, end: number): void {
    if (rounds === maxRounds)
      throw new Error(`Not at rest after ${maxRounds} rounds, ${end - this.#now} ms to go`);
    this.#runDefers();
    const isIdle = this.#events.length + this.#turns.length === 0;
    const next = this.#timers[0];
    if (isIdle && next !== undefined && next.dueAt <= end) this.#now = Math.max(this.#now, next.dueAt);
    while (this.#timers[0] !== undefined && this.#timers[0].dueAt <= this.#now) {
      const timer = this.#timers.shift();
      timer?.callback();
      this.#runDefers();
    }
    this.#runAll(this.#events);
    this.#runAll(this.#turns);
  }

  /** Runs what is in `queue` by now; what is added meanwhile has its turn in the next round. */
  #runAll(queue: (() => void)[]): void {
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

class VirtualTimer implements Timer {
  readonly dueAt: number;
  readonly callback: () => void;
  readonly clear: () => void;
  isRef = true;

  constructor(dueAt: number, callback: () => void, clear: () => void) {
    this.dueAt = dueAt;
    this.callback = callback;
    this.clear = clear;
  }

  ref(): void {
    this.isRef = true;
  }

  unref(): void {
    this.isRef = false;
  }
}

/** Resolves behind every promise that can settle without the world outside. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
