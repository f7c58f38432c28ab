// Runs programs in processes of their own and checks when the process exits.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PeerSocket } from "../support/scripted-peer.js";
import { transpilePackage } from "../support/transpiled-package.js";
import { ScriptedPeer } from "../support/scripted-peer.js";
import { closeFrame, textFrame } from "../support/wire.js";

let folder: string;
let peer: ScriptedPeer;

/** The package compiled to JavaScript, so that Node runs it without vitest. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "jetsocket-"));
  transpilePackage(folder);
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  peer = await ScriptedPeer.listen();
});

afterEach(() => peer.close());

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program in a process of its own until it exits. */
async function run(program: string): Promise<Exit> {
  const entryPoint = pathToFileURL(join(folder, "src/index.js")).href;
  const source = `import { connect, WebSocket } from ${JSON.stringify(entryPoint)};\nconst url = ${JSON.stringify(peer.url)};\n${program}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], { timeout: 8_000 });
  let output = "";
  let errors = "";
  child.stdout.on("data", (text: Buffer) => (output += String(text)));
  child.stderr.on("data", (text: Buffer) => (errors += String(text)));
  return new Promise((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, output, errors })),
  );
}

async function accepted(followedBy: Uint8Array[] = []): Promise<PeerSocket> {
  const socket = await peer.client();
  await socket.accept({ followedBy });
  return socket;
}

const clean = { code: 0, signal: null, errors: "" };

describe("a process", () => {
  it("exits after close() has resolved", async () => {
    const running = run(`
      const ws = await connect(url);
      await ws.send({ hello: true });
      await ws.sendRaw(new Blob(["from ", "a blob"]), { binary: false });
      await ws.close();
      console.log(ws.state);
    `);
    const socket = await accepted();
    expect([await socket.text(), await socket.text()]).toEqual(['{"hello":true}', "from a blob"]);
    expect(await socket.untilClose()).toEqual({ code: 1000, reason: "" });
    socket.send(closeFrame(1000));
    socket.endWithClient();
    expect(await running).toEqual({ ...clean, output: "closed\n" });
  });

  it("exits after the peer has closed, with compression in use and after a pause of reading", async () => {
    const running = run(`
      const ws = new WebSocket(url, { buffer: 1, reconnect: false });
      ws.connect();
      const received = [];
      for await (const message of ws) received.push(message);
      console.log(received.join());
    `);
    const socket = await peer.client();
    await socket.accept({ fields: ["Sec-WebSocket-Extensions: permessage-deflate"] });
    socket.send(textFrame("1"), textFrame("2"), textFrame("3"), closeFrame(1000));
    socket.endWithClient();
    expect(await running).toEqual({ ...clean, output: "1,2,3\n" });
  });

  it("exits after terminate()", async () => {
    const running = run(`
      const ws = await connect(url);
      const receiving = ws.recv().catch((error) => console.log(error.name));
      ws.terminate();
      await receiving;
    `);
    await accepted();
    expect(await running).toEqual({ ...clean, output: "CloseError\n" });
  });

  it("exits after an abort", async () => {
    const running = run(`
      const controller = new AbortController();
      const ws = await connect(url, { signal: controller.signal });
      controller.abort(new Error("over"));
      await ws.run().catch((error) => console.log(error.message));
    `);
    const socket = (await accepted()).endWithClient();
    expect(await socket.untilClose()).toEqual({ code: 1001, reason: "" });
    socket.send(closeFrame(1001));
    expect(await running).toEqual({ ...clean, output: "over\n" });
  });

  it("does not exit while the connection is open", async () => {
    const running = run(`
      const ws = new WebSocket(url, { reconnect: false });
      ws.on("message", ({ data }) => console.log(data));
      ws.on("closed", () => console.log("closed"));
      await ws.connect();
    `);
    const socket = await accepted();
    socket.send(textFrame("1"));
    await socket.until(() => socket.receivedSize > 0);
    socket.send(textFrame("2"), closeFrame(1000));
    socket.endWithClient();
    expect(await running).toEqual({ ...clean, output: "1\n2\nclosed\n" });
  });

  it("exits with an open connection after unref()", async () => {
    const running = run(`
      const ws = await connect(url);
      ws.unref();
      console.log(ws.state);
    `);
    await accepted();
    expect(await running).toEqual({ ...clean, output: "connected\n" });
  });

  it("exits with an incomplete message after unref()", async () => {
    const running = run(`
      const ws = await connect(url);
      ws.unref();
      ws.on("ping", () => setTimeout(() => console.log(ws.state), 10));
    `);
    const socket = await peer.client();
    await socket.accept();
    // Half a message follows the ping.
    socket.send(Buffer.from([0x89, 0x00]), textFrame("half").subarray(0, 3));
    const { code, signal, errors } = await running;
    expect({ code, signal, errors }).toEqual(clean);
  });

  it("exits while back-pressure pauses reading after unref()", async () => {
    const running = run(`
      const ws = new WebSocket(url, { buffer: 1 });
      ws.on("paused", () => console.log("paused"));
      const receiving = ws.recv();
      await ws.connect();
      await receiving;
      ws.unref();
    `);
    await accepted([textFrame("1"), textFrame("2"), textFrame("3")]);
    expect(await running).toEqual({ ...clean, output: "paused\n" });
  });

  it("exits during an attempt after unref()", async () => {
    const running = run(`
      const ws = new WebSocket(url).unref();
      ws.connect();
      ws.on("connecting", () => console.log("connecting"));
    `);
    await peer.client();
    expect(await running).toEqual({ ...clean, output: "connecting\n" });
  });

  it("does not exit after unref() and ref()", async () => {
    const running = run(`
      const ws = await connect(url, { reconnect: false });
      ws.unref();
      ws.ref();
      ws.on("closed", () => console.log("closed"));
    `);
    const socket = await accepted();
    socket.send(closeFrame(1000));
    socket.endWithClient();
    expect(await running).toEqual({ ...clean, output: "closed\n" });
  });

  it("does not exit during the wait before the next attempt", async () => {
    const running = run(`
      const ws = new WebSocket(url, { backoff: { base: 100 } });
      ws.on("reconnecting", ({ attempt }) => console.log("waiting for attempt", attempt));
      ws.on("reconnected", () => {
        console.log("back");
        ws.close();
      });
      await ws.connect();
    `);
    (await accepted()).reset();
    const second = (await accepted()).endWithClient();
    await second.untilClose();
    second.send(closeFrame(1000));
    expect(await running).toEqual({ ...clean, output: "waiting for attempt 1\nback\n" });
  });

  it.each(["before the wait", "during the wait"])(
    "exits during the wait before the next attempt after unref() %s",
    async (when) => {
      const running = run(`
        const ws = await connect(url, { backoff: { base: 3_600_000, cap: 3_600_000, jitter: false } });
        // Nothing but the wait may keep the process alive.
        const hold = setInterval(() => {}, 1_000);
        ws.on("reconnecting", () => setImmediate(() => {
          clearInterval(hold);
          if (${when === "during the wait"}) ws.unref();
          console.log(ws.state);
        }));
        if (${when === "before the wait"}) ws.unref();
      `);
      (await accepted()).reset();
      expect(await running).toEqual({ ...clean, output: "backingOff\n" });
    },
  );

  it("exits after the end of a client with heartbeat, rotation and replay", async () => {
    const running = run(`
      const ws = await connect(url, {
        heartbeat: 3_600_000,
        maxConnectionAge: 3_600_000,
        outbox: { ttl: 3_600_000 },
        replay: { sequence: () => 1, onReplay: () => undefined },
      });
      await ws.close();
      await ws.send("too late").catch((error) => console.log(error.name));
    `);
    const socket = (await accepted()).endWithClient();
    await socket.untilClose();
    socket.send(closeFrame(1000));
    expect(await running).toEqual({ ...clean, output: "InvalidStateError\n" });
  });

  it("emits warnings instead of crashing on rejected calls, a listener that throws and a fatal end", async () => {
    const running = run(`
      process.on("warning", ({ name, code }) => console.log(name, code));
      const ws = await connect(url, { reconnect: false });
      ws.send(undefined);
      ws.ping({ payload: new Uint8Array(200) });
      ws.on("ping", () => { throw new Error("mine"); });
      ws.on("ping", async () => { throw new Error("mine"); });
      ws.send("listening");
    `);
    const socket = await accepted();
    await socket.frame();
    socket.send(Buffer.from([0x89, 0x00]));
    await socket.frame();
    socket.reset();
    expect(await running).toMatchObject({
      code: 0,
      signal: null,
      output: "JetSocketError CALL_REFUSED\nJetSocketError FUNCTION_FAILED\nConnectionError ECONNRESET\n",
    });
  });

  it("does not exit while reading of its only connection is paused", async () => {
    const running = run(`
      const ws = new WebSocket(url, { buffer: 1, reconnect: false });
      const iterator = ws[Symbol.asyncIterator]();
      ws.on("paused", () => {
        console.log("paused");
        setTimeout(async () => {
          for (let next = await iterator.next(); !next.done; next = await iterator.next()) console.log(next.value);
        }, 100).unref();
      });
      ws.connect();
    `);
    const socket = await accepted([textFrame("1"), textFrame("2"), textFrame("3"), closeFrame(1000)]);
    socket.endWithClient();
    const { output, ...end } = await running;
    expect(output.replace(/^(paused\n)+/, "")).toBe("1\n2\n3\n");
    expect(end).toEqual(clean);
  });
});
