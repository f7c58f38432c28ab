// The interface between the client and its environment. It contains types only.
import type { OpenTransport } from "./transport.js";

/** A pending timer. Clearing it twice, or after it fired, does nothing. */
export interface Timer {
  clear(): void;
  /** Keeps the process alive while the timer is pending. This is the default. */
  ref(): void;
  /** Allows the process to exit while the timer is pending. */
  unref(): void;
  /**
   * Starts the timer again after it has fired, with its original delay, so that a periodic task needs no new timers.
   * It is not called after {@link clear}. Optional: if it is missing, a new timer is created.
   */
  restart?(): void;
}

/**
 * The environment of a client: time, randomness and network. `nodeRuntime` is the real one. A test passes its own as
 * the option `runtime` to control them.
 */
export interface Runtime {
  /** Milliseconds on a monotonic clock with an arbitrary origin. */
  now(): number;
  /** Milliseconds since 1970-01-01 UTC. This clock may jump. */
  wallNow(): number;
  /** Calls `callback` once after `delay` milliseconds. The delay has no upper limit. */
  setTimer(delay: number, callback: () => void): Timer;
  /** Calls `callback` at the end of the current tick, like `process.nextTick`. */
  defer(callback: () => void): void;
  /**
   * Calls `callback` after the next I/O phase of the event loop, like `setImmediate`. Bytes that wait in the kernel are
   * read before it.
   */
  afterTurn(callback: () => void): void;
  /** A number in [0, 1). */
  random(): number;
  /** Fills `bytes` with cryptographically strong random bytes. */
  fillRandom(bytes: Uint8Array): void;
  /** Opens a byte stream to `target`. */
  readonly openTransport: OpenTransport;
}

/** The part of the runtime that does not load sockets. */
export type RuntimeWithoutSockets = Omit<Runtime, "openTransport">;
