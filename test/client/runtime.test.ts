import { expect, it } from "vitest";
import { nodeRuntime } from "../../src/client/runtime.js";
import { nodeRuntimeWithoutSockets } from "../../src/runtime/node-runtime.js";
import { openTransport } from "../../src/transport/open-transport.js";

it("nodeRuntime combines the Node runtime with real sockets", () => {
  expect(nodeRuntime).toEqual({ ...nodeRuntimeWithoutSockets, openTransport });
});
