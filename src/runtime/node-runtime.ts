import { nextTick } from "node:process";
import { nodeCrypto } from "./node-modules.js";
import { startTimer } from "./node-timer.js";
import type { RuntimeWithoutSockets } from "./runtime.js";

/** The global is an accessor: each use of it is a call. */
const clock = performance;

/** Node's own clocks, timers, turns of its event loop and randomness. */
export const nodeRuntimeWithoutSockets: RuntimeWithoutSockets = {
  now: (): number => clock.now(),
  wallNow: (): number => Date.now(),
  setTimer: startTimer,
  defer: (callback: () => void): void => nextTick(callback),
  afterTurn: (callback: () => void): void => {
    setImmediate(callback);
  },
  random: (): number => Math.random(),
  fillRandom: (bytes: Uint8Array): void => {
    nodeCrypto().randomFillSync(bytes);
  },
};
