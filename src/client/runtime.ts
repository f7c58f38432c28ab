import { nodeRuntimeWithoutSockets } from "../runtime/node-runtime.js";
import type { Runtime } from "../runtime/runtime.js";
import { openTransport } from "../transport/open-transport.js";

/** The real world: Node's clock, timers, randomness and sockets. */
export const nodeRuntime: Runtime = { ...nodeRuntimeWithoutSockets, openTransport };
