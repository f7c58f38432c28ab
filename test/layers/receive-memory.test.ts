import { describe, expect, it } from "vitest";
import { runProgram, transpiledEntryPoint } from "./child-process.js";

const mebibyte = 1024 * 1024;
/** The default of `buffer.maxBytes`. */
const bound = 4 * mebibyte;

/**
 * A server whose compressed messages have 1 KB on the wire and 1 MB in memory, and code that measures the
 * client's memory.
 */
const prelude = (entryPoint: string): string => `
  import { createServer } from "node:net";
  import { createHash } from "node:crypto";
  import { constants, deflateRawSync } from "node:zlib";
  import { setTimeout as delay } from "node:timers/promises";
  import { WebSocket } from ${JSON.stringify(entryPoint)};

  const deflated = (text, finishFlush) => deflateRawSync(text, { finishFlush });
  const body = deflated("x".repeat(1_000_000), constants.Z_FULL_FLUSH);
  const end = deflated('"}', constants.Z_SYNC_FLUSH).subarray(0, -4);
  function frame(id) {
    const begin = deflated('{"id":' + id + ',"text":"', constants.Z_FULL_FLUSH);
    const payload = Buffer.concat([begin, body, end]);
    const header = Buffer.from([0xc1, 126, payload.length >> 8, payload.length & 255]);
    return Buffer.concat([header, payload]);
  }
  const frames = (from, to) => Buffer.concat(Array.from({ length: to - from + 1 }, (_, index) => frame(from + index)));

  let onSocket;
  let sockets = 0;
  const server = createServer((socket) => {
    const n = ++sockets;
    socket.on("error", () => undefined);
    let head = "";
    socket.on("data", (bytes) => {
      if (head.includes("\\r\\n\\r\\n")) return;
      head += bytes.toString("latin1");
      if (!head.includes("\\r\\n\\r\\n")) return;
      const [, key] = /sec-websocket-key: (.+)\\r/i.exec(head);
      const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
      const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
      lines.push("Sec-WebSocket-Accept: " + accept, "Sec-WebSocket-Extensions: permessage-deflate", "", "");
      socket.write(lines.join("\\r\\n"));
      onSocket(socket, n);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = "ws://127.0.0.1:" + server.address().port;
  const warmUp = frames(1, 3);
  const wire = frames(10, 600);

  let idle = 0;
  let peak = 0;
  const look = () => (peak = Math.max(peak, process.memoryUsage.rss()));
  const watch = setInterval(look, 1);
  const begin = () => {
    peak = 0;
    look();
    idle = peak;
  };
  function print(more) {
    look();
    clearInterval(watch);
    console.log(JSON.stringify({ grown: peak - idle, ...more }));
    process.exit(0);
  }
`;

async function measure(program: string): Promise<Record<string, number>> {
  const lines: string[] = [];
  const errors = await runProgram(prelude(transpiledEntryPoint()) + program, (line) => void lines.push(line));
  expect([errors, lines.length]).toEqual(["", 1]);
  return JSON.parse(lines[0]!) as Record<string, number>;
}

/** Twice the limit, and 32 MiB for garbage that is not collected yet. */
function expectBounded(name: string, grown: number): void {
  console.log(`${name}: ${(grown / mebibyte).toFixed(1)} MiB above idle; bound ${bound / mebibyte} MiB`);
  expect(grown).toBeLessThanOrEqual(2 * bound + 32 * mebibyte);
}

describe("memory for 590 compressed messages of 1 MB", () => {
  it("on the new connection of an overlap stays within the limit of its buffer, and reading pauses", async () => {
    const { grown, held } = await measure(`
      onSocket = (socket, n) => {
        if (n === 1) socket.write(warmUp);
        else setTimeout(() => { begin(); socket.write(wire); }, 50);
      };
      const ws = new WebSocket(url, { heartbeat: false, rotation: { overlap: 60_000 }, replay: { sequence: ({ id }) => id } });
      await ws.connect();
      for (let count = 0; count < 3; count++) await ws.recv();
      void ws.rotate();
      await delay(3_000);
      print({ held: ws.stats().messagesHeld });
    `);
    expect(held).toBeGreaterThan(0);
    expectBounded("overlap", grown!);
  }, 30_000);

  it("after a missing number while `onReplay` is pending stays within the limit of the reorder buffer", async () => {
    const { whileHeld, resets, received } = await measure(`
      onSocket = (socket) => {
        socket.write(warmUp);
        setTimeout(() => { begin(); socket.write(wire); }, 100);
      };
      const ws = new WebSocket(url, {
        heartbeat: false,
        replay: { sequence: ({ id }) => id, onReplay: () => new Promise(() => undefined), recoveryTimeout: 60_000 },
      });
      let resets = 0;
      let last = 0;
      let whileHeld = 0;
      ws.on("reset", () => {
        resets++;
        look();
        whileHeld = peak - idle;
      });
      ws.on("message", ({ data }) => (last = data.id));
      await ws.connect();
      while (last < 600) await delay(20);
      print({ resets, whileHeld, received: ws.stats().messagesReceived });
    `);
    expect([resets, received]).toEqual([1, 594]);
    expectBounded("replay hold", whileHeld!);
  }, 30_000);

  it("left over from one read of a lost connection stays within the limit of the inbox, and all are delivered", async () => {
    const { whileDead, read } = await measure(`
      let peer;
      onSocket = (socket) => { peer = socket; socket.write(warmUp); };
      const ws = new WebSocket(url, { heartbeat: false, reconnect: false });
      await ws.connect();
      let read = 0;
      let go;
      const mayGo = new Promise((resolve) => (go = resolve));
      const reading = (async () => {
        for await (const { id } of ws) {
          if (++read <= 3) continue;
          await mayGo;
        }
      })().catch(() => undefined);
      while (read < 3) await delay(10);
      begin();
      peer.write(wire.subarray(0, 60_000));
      await delay(300);
      peer.resetAndDestroy();
      while (ws.state !== "failed") { ws.ping().catch(() => undefined); await delay(10); }
      await delay(200);
      const whileDead = peak - idle;
      go();
      await reading;
      print({ read, whileDead });
    `);
    expect(read).toBeGreaterThan(40);
    expectBounded("dead paused connection", whileDead!);
  }, 30_000);
});
