// A test with jest: `node --experimental-vm-modules node_modules/jest/bin/jest.js jest.test.mjs`.
import { expect, test } from "@jest/globals";
import { ScriptedServer, VirtualRuntime } from "jetsocket/testing";
import { follow } from "./follow.mjs";

test("subscribes again after a lost connection", async () => {
  const server = new ScriptedServer({
    onConnection: async (connection, n) => {
      connection.accept();
      const { subscribe } = await connection.receiveJson();
      connection.send(`${subscribe} on connection ${n}`);
      if (n === 1) connection.reset();
    },
  });
  const runtime = new VirtualRuntime({ server });
  /** @type {unknown[]} */
  const received = [];
  const ws = follow("wss://stream.example.com/", (message) => received.push(message), { runtime });
  await runtime.advanceAsync(60_000); // a minute later
  ws.terminate();
  await server.close();
  expect(received).toEqual(["trades on connection 1", "trades on connection 2"]);
});
