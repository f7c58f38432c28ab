// The other entry points, CommonJS, and virtual time.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import { createRequire } from "node:module";
import { WebSocket } from "jetsocket";
import * as protocol from "jetsocket/protocol";
import { ScriptedServer, VirtualRuntime } from "jetsocket/testing";
import { test } from "./support/test.mjs";

const resources = new protocol.Resources({ fillRandom: randomFillSync });

/** Two connections of the protocol layer without a socket, and everything that they have received. */
function ends() {
  const events = [];
  const end = (role) =>
    new protocol.ProtocolConnection({
      role,
      resources,
      extension: undefined,
      handler: {
        onMessage: (data) => events.push(`${role} ${data}`),
        onPing: (payload) => events.push(`${role} ping ${payload}`),
        onPong: (payload) => events.push(`${role} pong ${payload}`),
        onClose: (code) => events.push(`${role} close ${code}`),
        onFailure: (error) => events.push(`${role} ${error.code}`),
        onEnd: () => {},
      },
    });
  return { client: end("client"), server: end("server"), events };
}

function carry(from, to) {
  for (let bytes = from.take(); bytes !== undefined; bytes = from.take()) {
    to.receive(bytes);
    from.written();
  }
}

test("jetsocket/protocol carries messages between two ends", () => {
  const { client, server, events } = ends();
  client.text("question");
  client.ping(Buffer.from("?"));
  carry(client, server);
  server.text("answer");
  carry(server, client);
  assert.deepEqual(events, ["server question", "server ping ?", "client pong ?", "client answer"]);
});

test("jetsocket/protocol closes from both ends", () => {
  const { client, server, events } = ends();
  client.close(1000, "");
  carry(client, server);
  carry(server, client);
  assert.deepEqual(events, ["server close 1000", "client close 1000"]);
});

test("jetsocket/protocol fails after invalid bytes", () => {
  const { client, events } = ends();
  client.receive(Buffer.of(0xf1, 0));
  assert.equal(events.length, 1);
});

test("jetsocket/protocol makes both halves of the handshake", () => {
  const uri = protocol.parseUri("ws://example.com/chat");
  const client = new protocol.ClientHandshake({
    uri,
    fillRandom: randomFillSync,
    offers: [protocol.deflateOffer({})],
  });
  const server = new protocol.ServerHandshake();
  server.receive(client.request);
  const { response } = server.accept({ acceptors: [protocol.deflateAcceptor({})] });
  assert.equal(client.receive(response).kind, "accepted");
});

test("jetsocket/testing runs a reconnection in virtual time", async () => {
  const server = new ScriptedServer({
    onConnection: (connection, number) => {
      connection.accept();
      connection.send({ number });
      if (number === 1) connection.reset();
    },
  });
  const runtime = new VirtualRuntime({ server });
  const ws = new WebSocket("wss://feed.test/", { runtime });
  const numbers = [];
  ws.on("message", ({ data }) => numbers.push(data.number));
  void ws.connect();
  await runtime.advanceAsync(120_000);
  assert.deepEqual(numbers, [1, 2]);
  ws.terminate();
  await server.close();
});

test("CommonJS has the same exports", () => {
  const required = createRequire(import.meta.url)("jetsocket");
  assert.equal(typeof required.WebSocket, "function");
  const ws = new required.WebSocket("ws://localhost");
  assert.ok(ws instanceof WebSocket);
  ws.terminate();
});
