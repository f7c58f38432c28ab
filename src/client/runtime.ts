/**
 * Defines the default runtime: it combines the clock, timers and random source of `src/runtime` with sockets. This
 * module contains no logic.
 */
import { nodeRuntimeWithoutSockets } from "../runtime/node-runtime.js";
import type { Runtime } from "../runtime/runtime.js";
import { openTransport } from "../transport/open-transport.js";

/** The default runtime of every client: Node's clock, timers, random source and sockets. */
export const nodeRuntime: Runtime = { ...nodeRuntimeWithoutSockets, openTransport };
