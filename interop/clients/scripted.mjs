// The servers that run in Node, with the original package `ws`: `node scripted.mjs KIND PORT`.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const [kind, port] = process.argv.slice(2);
const http = createServer((_request, response) => response.writeHead(404).end());
const count = 1000;

/** A server that calls `onMessage` with the parsed JSON of each message. */
function jsonServer(onMessage, options = {}) {
  const server = new WebSocketServer({ server: http, perMessageDeflate: true, ...options });
  server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    const send = (value) => socket.send(JSON.stringify(value));
    socket.on("message", (data) => {
      for (const line of data.toString().split("\n"))
        if (line !== "") onMessage(JSON.parse(line), send, socket);
    });
  });
}

const kinds = {
  echo() {
    new WebSocketServer({ server: http }).on("connection", (socket) => {
      socket.on("error", () => undefined);
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
  },
  async "socket.io"() {
    const { Server } = await import("socket.io");
    new Server(http, { transports: ["websocket"], pingInterval: 200 }).on("connection", (socket) => {
      socket.on("subscribe", (answer) => {
        for (let index = 0; index < count; index++) socket.emit("tick", index, Buffer.from([index & 255]));
        answer("done");
      });
    });
  },
  async "graphql-ws"() {
    const { buildSchema } = await import("graphql");
    const { useServer } = await import("graphql-ws/use/ws");
    const schema = buildSchema("type Query { a: Int } type Subscription { tick: Int }");
    async function* tick() {
      for (let index = 0; index < count; index++) yield { tick: index };
    }
    useServer({ schema, roots: { subscription: { tick } } }, new WebSocketServer({ server: http }));
  },
  "y-websocket"() {
    const require = createRequire(import.meta.url);
    const { setupWSConnection } = require("y-websocket-server/bin/utils");
    new WebSocketServer({ server: http }).on("connection", setupWSConnection);
  },
  // What the sources of viem and ethers expect of an Ethereum node.
  "json-rpc"() {
    jsonServer((request, send) => {
      for (const { id, method, params } of Array.isArray(request) ? request : [request]) {
        const results = {
          eth_chainId: "0x1",
          net_version: "1",
          eth_blockNumber: "0x10",
          eth_unsubscribe: true,
        };
        send({
          jsonrpc: "2.0",
          id,
          result: method === "eth_subscribe" ? "0xabc" : (results[method] ?? null),
        });
        if (method !== "eth_subscribe") continue;
        for (let index = 0; index < count; index++) {
          const hash = `0x${index.toString(16).padStart(64, "0")}`;
          const head = {
            number: `0x${index.toString(16)}`,
            hash,
            parentHash: hash,
            timestamp: "0x1",
            gasLimit: "0x1",
            gasUsed: "0x0",
          };
          const result = params[0] === "newHeads" ? head : hash;
          send({ jsonrpc: "2.0", method: "eth_subscription", params: { subscription: "0xabc", result } });
        }
      }
    });
  },
  // What the source of centrifuge expects of Centrifugo.
  centrifuge() {
    jsonServer((command, send) => {
      const { id, connect, subscribe } = command;
      if (connect) send({ id, connect: { client: "c", version: "x", ping: 25, pong: true } });
      if (!subscribe) return;
      send({ id, subscribe: {} });
      for (let index = 0; index < count; index++)
        send({ push: { channel: subscribe.channel, pub: { data: { index } } } });
    });
  },
  // What the source of supabase-realtime expects of a Phoenix server.
  phoenix() {
    jsonServer((message, send) => {
      const [joinRef, ref, topic, event] = Array.isArray(message)
        ? message
        : [message.join_ref, message.ref, message.topic, message.event];
      const answer = (name, payload, own = ref) =>
        send(
          Array.isArray(message)
            ? [joinRef, own, topic, name, payload]
            : { join_ref: joinRef, ref: own, topic, event: name, payload },
        );
      answer("phx_reply", { status: "ok", response: {} });
      if (event !== "phx_join") return;
      for (let index = 0; index < count; index++)
        answer("broadcast", { type: "broadcast", event: "tick", payload: { index } }, null);
    });
  },
};

await kinds[kind]();
http.listen(Number(port), "127.0.0.1");
