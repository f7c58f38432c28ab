// The interface between the client and its environment. It contains types only.
import type { OpenTransport } from "./transport.js";

/** A pending timer. Clearing the timer twice, or after it has fired, does nothing. */
export interface Timer {
  clear(): void;
  /** Keeps the process alive while the timer is pending. This is the default. */
  ref(): void;
  /** Allows the process to exit while the timer is pending. */
  unref(): void;
  /**
   * Starts the timer again after it has fired, with its original delay. A periodic task then needs no new timers. The
   * method is not called after {@link clear}. The method is optional: without it, the client creates a new timer.
   */
  restart?(): void;
}

/**
 * The environment of a client: time, randomness and network. `nodeRuntime` is the implementation for Node. A test
 * passes another implementation as the option `runtime`.
 */
export interface Runtime {
  /** Returns milliseconds on a monotonic clock with an arbitrary origin. */
  now(): number;
  /** Returns the milliseconds since 1970-01-01 UTC. This clock may jump. */
  wallNow(): number;
  /** Calls `callback` once after `delay` milliseconds. The delay has no upper limit. */
  setTimer(delay: number, callback: () => void): Timer;
  /** Calls `callback` at the end of the current tick, like `process.nextTick`. */
  defer(callback: () => void): void;
  /**
   * Calls `callback` after the next I/O phase of the event loop, like `setImmediate`. Bytes that wait in the kernel are
   * read before the call.
   */
  afterTurn(callback: () => void): void;
  /** Returns a random number that is at least 0 and less than 1. */
  random(): number;
  /** Fills `bytes` with cryptographically strong random bytes. */
  fillRandom(bytes: Uint8Array): void;
  /** Opens a byte stream to `target`. */
  readonly openTransport: OpenTransport;
}
