import { nodeCrypto } from "./node-modules.js";
import { startTimer } from "./node-timer.js";
import type { RuntimeWithoutSockets } from "./runtime.js";

// These globals are accessors: each use of one is a call. To import them would read all properties of `process`, and load sockets.
const clock = performance;
const thisProcess = process;

/** Node's own clocks, timers, turns of its event loop and randomness. */
export const nodeRuntimeWithoutSockets: RuntimeWithoutSockets = {
  now: (): number => clock.now(),
  wallNow: (): number => Date.now(),
  setTimer: startTimer,
  defer: (callback: () => void): void => thisProcess.nextTick(callback),
  afterTurn: (callback: () => void): void => {
    setImmediate(callback);
  },
  random: (): number => Math.random(),
  fillRandom: (bytes: Uint8Array): void => {
    nodeCrypto().randomFillSync(bytes);
  },
};
