import { afterEach, beforeEach, expect, it } from "vitest";
import { raw, WebSocket } from "../../src/index.js";
import { ReadingLimit } from "../../src/whatwg/reading-limit.js";
import { compress } from "../support/compressed.js";
import { closeFrame, type Peer, PeerServer, serverFrame } from "../support/ws-peer.js";

const size = 600_000;
const deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
const message = serverFrame(2, compress(Buffer.alloc(size)), { rsv: 0x40 });

let server: PeerServer;
let script: (peer: Peer) => Promise<void>;
let client: WebSocket<string | Buffer, string | Uint8Array>;
let log: string[];

beforeEach(async () => {
  server = new PeerServer((peer) => script(peer));
  client = new WebSocket(`ws://127.0.0.1:${await server.listen()}/`, { ...raw, reconnect: false });
  log = [];
});

afterEach(async () => {
  client.terminate();
  await server.close();
});

/** Removes the messages of a packet from the limit a turn after their arrival, until the client is closed. */
async function run(onTurn: () => void = () => undefined): Promise<string[]> {
  const limit = new ReadingLimit(client);
  let waiting: (string | Buffer)[] = [];
  client.on("message", ({ data }) => {
    log.push("in");
    limit.add(data);
    if (waiting.push(data) > 1) return;
    setImmediate(() => {
      log.push(`out ${waiting.length}`);
      for (const one of waiting.splice(0)) limit.remove(one);
      waiting = [];
      onTurn();
    });
  });
  const ended = new Promise((resolve) => client.on("closed", resolve));
  await client.connect();
  await ended;
  return log;
}

it("no message is decompressed while more than 1 MiB of messages wait", async () => {
  script = async (peer) => {
    await peer.accept(deflate);
    peer.write(message, message, message, message, message, closeFrame(1000));
    await peer.ended();
    peer.socket.end();
  };
  expect(await run()).toEqual(["in", "in", "out 2", "in", "in", "out 2", "in", "out 1"]);
});

it("small messages of one packet are not separated", async () => {
  script = async (peer) => {
    await peer.accept();
    peer.write(...Array.from({ length: 5 }, () => serverFrame(1, "x")), closeFrame(1000));
    await peer.ended();
    peer.socket.end();
  };
  expect(await run()).toEqual(["in", "in", "in", "in", "in", "out 5"]);
});

it("terminate() discards the messages that wait", async () => {
  script = async (peer) => {
    await peer.accept(deflate);
    peer.write(message, message, message, message);
  };
  expect(await run(() => client.terminate())).toEqual(["in", "in", "out 2"]);
});

it("a call of close() delivers the messages that wait", async () => {
  script = async (peer) => {
    await peer.accept(deflate);
    peer.write(message, message, message, message);
    await peer.received(1);
    peer.write(closeFrame(1000));
    peer.socket.end();
  };
  expect((await run(() => void client.close())).filter((one) => one === "in")).toHaveLength(4);
});
