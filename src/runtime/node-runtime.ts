// The runtime of Node without `openTransport`, because this module must not load the modules of sockets.
import { nodeCrypto } from "./node-modules.js";
import { startTimer } from "./node-timer.js";
import type { Runtime } from "./runtime.js";

// The globals `performance` and `process` are accessors: each use of these globals calls a function. Therefore this
// module reads each global only once. This module does not import "node:process", because that import reads all
// properties of `process`. Reading these properties loads the socket modules.
const clock = performance;
const thisProcess = process;

/** Node's clocks, timers, event loop and random numbers. */
export const nodeRuntimeWithoutSockets: Omit<Runtime, "openTransport"> = {
  now: (): number => clock.now(),
  wallNow: (): number => Date.now(),
  setTimer: startTimer,
  defer: (callback: () => void): void => thisProcess.nextTick(callback),
  afterTurn: (callback: () => void): void => void setImmediate(callback),
  random: (): number => Math.random(),
  fillRandom: (bytes: Uint8Array): void => void nodeCrypto().randomFillSync(bytes),
};
