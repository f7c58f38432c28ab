import { nodeCrypto } from "./node-modules.js";
import { NodeTimer } from "./node-timer.js";
import type { RuntimeWithoutSockets, Timer } from "./runtime.js";

/** Node's own clocks, timers, turns of its event loop and randomness. */
export const nodeRuntimeWithoutSockets: RuntimeWithoutSockets = {
  now: (): number => performance.now(),
  wallNow: (): number => Date.now(),
  setTimer: (delay: number, callback: () => void): Timer => new NodeTimer(delay, callback),
  defer: (callback: () => void): void => process.nextTick(callback),
  afterTurn: (callback: () => void): void => {
    setImmediate(callback);
  },
  random: (): number => Math.random(),
  fillRandom: (bytes: Uint8Array): void => {
    nodeCrypto().randomFillSync(bytes);
  },
};
