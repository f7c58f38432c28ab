// Wraps a runtime so that tests can find leaked transports, timers and callbacks. It does not count Blobs or codecs.
import { nodeRuntimeWithoutSockets } from "../../src/runtime/node-runtime.js";
import type { Runtime, Timer } from "../../src/runtime/runtime.js";
import { openTransport } from "../../src/transport/open-transport.js";
import type { OpenTransport, Transport } from "../../src/runtime/transport.js";

/** A runtime that counts the resources in use. */
export interface CountingRuntime {
  /** The runtime to pass to the client. */
  readonly runtime: Runtime;
  /** Transports that are opened and have not emitted `onClose`. */
  readonly openTransports: number;
  /** Timers that are set and have neither fired nor been cleared. */
  readonly openTimers: number;
  /** Callbacks of `defer` that have not run. */
  readonly pendingDefers: number;
  /** Callbacks of `afterTurn` that have not run. */
  readonly pendingTurns: number;
  /** @throws an Error that names the resources still in use. */
  assertIdle(): void;
}

/** Wraps Node's runtime, or `inner`, and counts the resources that a client uses. */
export function createCountingRuntime(
  inner: Runtime = { ...nodeRuntimeWithoutSockets, openTransport },
): CountingRuntime {
  const transports = new Set<Transport>();
  const timers = new Set<Timer>();
  const counts = { defers: 0, turns: 0 };
  return {
    runtime: {
      now: () => inner.now(),
      wallNow: () => inner.wallNow(),
      random: () => inner.random(),
      fillRandom: (bytes) => inner.fillRandom(bytes),
      setTimer: (delay, callback) => countedTimer(inner, timers, delay, callback),
      defer: (callback) => {
        counts.defers++;
        inner.defer(() => {
          counts.defers--;
          callback();
        });
      },
      afterTurn: (callback) => {
        counts.turns++;
        inner.afterTurn(() => {
          counts.turns--;
          callback();
        });
      },
      openTransport: (target, handler) => countedTransport(inner.openTransport, transports, target, handler),
    },
    get openTransports() {
      return transports.size;
    },
    get openTimers() {
      return timers.size;
    },
    get pendingDefers() {
      return counts.defers;
    },
    get pendingTurns() {
      return counts.turns;
    },
    assertIdle() {
      const left = { transports: transports.size, timers: timers.size, ...counts };
      const named = Object.entries(left).filter(([, count]) => count > 0);
      if (named.length === 0) return;
      throw new Error(`Still in use: ${named.map(([what, count]) => `${count} ${what}`).join(", ")}`);
    },
  };
}

function countedTimer(inner: Runtime, timers: Set<Timer>, delay: number, callback: () => void): Timer {
  const timer = inner.setTimer(delay, () => {
    timers.delete(counted);
    callback();
  });
  const counted: Timer = {
    clear: () => {
      timers.delete(counted);
      timer.clear();
    },
    ref: () => timer.ref(),
    unref: () => timer.unref(),
  };
  timers.add(counted);
  return counted;
}

function countedTransport(
  open: OpenTransport,
  transports: Set<Transport>,
  ...[target, handler]: Parameters<OpenTransport>
): Transport {
  const transport = open(target, {
    onPhase: (phase) => handler.onPhase(phase),
    onOpen: () => handler.onOpen(),
    onData: (bytes, length) => handler.onData(bytes, length),
    onEnd: () => handler.onEnd(),
    onClose: (error) => {
      transports.delete(transport);
      handler.onClose(error);
    },
  });
  transports.add(transport);
  return transport;
}
