import { nodeCrypto } from "./node-modules.js";
import { startTimer } from "./node-timer.js";
import type { RuntimeWithoutSockets } from "./runtime.js";

/** Node's own clocks, timers, turns of its event loop and randomness. */
export const nodeRuntimeWithoutSockets: RuntimeWithoutSockets = {
  now: (): number => performance.now(),
  wallNow: (): number => Date.now(),
  setTimer: startTimer,
  defer: (callback: () => void): void => process.nextTick(callback),
  afterTurn: (callback: () => void): void => {
    setImmediate(callback);
  },
  random: (): number => Math.random(),
  fillRandom: (bytes: Uint8Array): void => {
    nodeCrypto().randomFillSync(bytes);
  },
};
