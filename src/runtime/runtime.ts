import type { OpenTransport } from "./transport.js";

/** A timer that was set; clearing it twice, or after it fired, does nothing. */
export interface Timer {
  clear(): void;
  /** Lets the process live while the timer is set: the default. */
  ref(): void;
  /** Lets the process end although the timer is set. */
  unref(): void;
  /**
   * Begins anew, with the delay that it was set with, once it has fired: to beat takes no new timer each time then. Not
   * behind {@link clear}. Where it is missing a new timer is set.
   */
  restart?(): void;
}

/**
 * Everything that a client takes from the world around it. `nodeRuntime` is the real one; a test passes its own
 * as the option `runtime` and holds time, randomness and the network in its hand.
 */
export interface Runtime {
  /** Milliseconds on a clock that never jumps; its zero means nothing. */
  now(): number;
  /** Milliseconds since 1970 on a clock that can be set. */
  wallNow(): number;
  /** Calls `callback` once, after `delay` milliseconds, however many. */
  setTimer(delay: number, callback: () => void): Timer;
  /** Calls `callback` at the end of the current tick, behind all that runs in it. */
  defer(callback: () => void): void;
  /** Calls `callback` one turn of I/O later: what the kernel holds by now has been read by then. */
  afterTurn(callback: () => void): void;
  /** A number in [0, 1). */
  random(): number;
  /** Fills `bytes` with random bytes that nobody can foresee. */
  fillRandom(bytes: Uint8Array): void;
  /** Opens a byte stream to `target`. */
  readonly openTransport: OpenTransport;
}

/** The ports that Node fills by itself; the sockets join them where the client is composed. */
export type RuntimeWithoutSockets = Omit<Runtime, "openTransport">;
