/** Defines the default runtime by adding sockets to the parts of src/runtime. It contains no logic. */
import { nodeRuntimeWithoutSockets } from "../runtime/node-runtime.js";
import type { Runtime } from "../runtime/runtime.js";
import { openTransport } from "../transport/open-transport.js";

/** The default runtime of every client: Node's clock, timers, random source and sockets. */
export const nodeRuntime: Runtime = { ...nodeRuntimeWithoutSockets, openTransport };
