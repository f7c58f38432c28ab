// The runtime of Node without its sockets, which `openTransport` adds.
import { nodeCrypto } from "./node-modules.js";
import { startTimer } from "./node-timer.js";
import type { RuntimeWithoutSockets } from "./runtime.js";

// These globals are accessors, so each use would be a function call. Importing them from "node:process" would read all
// properties of `process`, which loads the socket modules.
const clock = performance;
const thisProcess = process;

/** Node's clocks, timers, event loop and random numbers. */
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
