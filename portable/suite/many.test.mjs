// Channels, requests, pools and presets.
import assert from "node:assert/strict";
import { WebSocket } from "jetsocket";
import { channels, requests } from "jetsocket/channels";
import { createPool } from "jetsocket/pool";
import { minimal, trading } from "jetsocket/presets";
import { ScriptedServer, VirtualRuntime } from "jetsocket/testing";
import { rejection } from "./support/client.mjs";
import { text } from "./support/frames.mjs";
import { serve } from "./support/server.mjs";
import { test } from "./support/test.mjs";

/** A client in virtual time, whose server answers each JSON message by `answer`. */
function scene(entry, answer, options = {}) {
  const server = new ScriptedServer({
    onConnection: async (connection, number) => {
      connection.accept();
      for (;;) answer(await connection.receiveJson(), connection, number);
    },
  });
  const runtime = new VirtualRuntime({ server });
  const ws = new WebSocket("wss://feed.test/", { runtime, onConnection: entry.onConnection, ...options });
  entry.attach(ws);
  void ws.connect();
  const stop = async () => {
    ws.terminate();
    await runtime.advanceAsync(0);
    await server.close();
  };
  return { runtime, ws, stop };
}

test("jetsocket/channels subscribes again after a loss", async () => {
  const feed = channels({
    channelOf: ({ channel }) => channel,
    subscribe: (names) => ({ names }),
    unsubscribe: (left) => ({ left }),
    isAck: ({ accepted }) => accepted,
  });
  const { runtime, stop } = scene(feed, ({ names = [] }, connection, number) => {
    for (const name of names) {
      connection.send({ accepted: name });
      connection.send({ channel: name, number });
    }
    if (number === 1) connection.reset();
  });
  const story = [];
  const channel = feed.open("trades");
  for (const name of ["ready", "interrupted", "closed"]) channel.on(name, () => story.push(name));
  const loop = (async () => {
    for await (const { number } of channel) story.push(number);
  })();
  await runtime.advanceAsync(120_000);
  await channel.close();
  await loop;
  assert.deepEqual(story, ["ready", 1, "interrupted", "ready", 2, "closed"]);
  await stop();
});

test("jetsocket/channels assigns answers to requests", async () => {
  const rpc = requests();
  const { runtime, stop } = scene(rpc, ({ id }, connection) => id > 1 && connection.send({ id, ok: true }));
  await runtime.advanceAsync(0);
  const lost = rejection(rpc.request({ id: 1 }, { timeout: 1_000 }));
  const found = rpc.request({ id: 2 });
  await runtime.advanceAsync(1_000);
  assert.deepEqual([await found, (await lost).code], [{ id: 2, ok: true }, "TIMEOUT"]);
  await stop();
});

test("jetsocket/pool keeps its limit, and closes a lease without reset", async () => {
  let open = 0;
  let most = 0;
  const server = await serve(async (peer, number) => {
    most = Math.max(most, ++open);
    await peer.accept();
    await peer.frame();
    peer.write(text(`connection ${number}`));
    await peer.untilClose();
    open--;
    peer.close(1000);
  });
  const pool = createPool({ url: server.url, ...minimal, max: 2 });
  const use = async () => {
    const lease = await pool.acquire();
    await lease.send("question");
    const answer = await lease.recv();
    await lease.release();
    return answer;
  };
  const answers = await Promise.all(Array.from({ length: 5 }, use));
  assert.deepEqual(
    [answers.toSorted(), most, pool.stats().connections],
    [[1, 2, 3, 4, 5].map((number) => `connection ${number}`), 2, 0],
  );
  await pool.close();
  assert.equal((await rejection(pool.acquire())).name, "PoolClosedError");
  await server.close();
});

test("the option schema checks messages", async () => {
  const validate = (value) => (typeof value === "string" ? { issues: [{ message: "text" }] } : { value });
  const schema = { "~standard": { version: 1, vendor: "test", validate } };
  const codes = [];
  const server = await serve(async (peer) => {
    await peer.accept();
    peer.write(text("text"), text('{"price":1}'));
    await peer.untilClose();
    peer.close(1000);
  });
  const ws = new WebSocket(server.url, { ...trading, insecureCredentials: undefined, schema });
  ws.on("error", ({ error }) => codes.push(error.code));
  await ws.connect();
  assert.deepEqual([await ws.recv(), codes], [{ price: 1 }, ["VALIDATION_FAILED"]]);
  await ws.close();
  await server.close();
});
