// The rules of garbage collection, and sockets in processes and threads.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect } from "vitest";
import { type SocketEventMap, WebSocket } from "../../../src/whatwg/index.js";
import { runProgram, transpiledEntryPoint } from "../../layers/child-process.js";
import type { PeerSocket, ScriptedPeer } from "../../support/scripted-peer.js";
import { closeFrame, textFrame } from "../../support/wire.js";
import { create, listen, next, nextRequest, setLocation, step } from "./scene.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Collects garbage repeatedly: finalizers run in later tasks. */
async function collect(): Promise<void> {
  for (let round = 0; round < 10; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
}

/** Creates a socket that only its listeners keep alive. */
function createUnreferenced(server: ScriptedPeer, use: (ws: WebSocket) => void): WeakRef<WebSocket> {
  const ws = new WebSocket(server.url);
  use(ws);
  return new WeakRef(ws);
}

async function openUnreferenced(
  server: ScriptedPeer,
  use: (ws: WebSocket) => void,
): Promise<[WeakRef<WebSocket>, PeerSocket]> {
  let reference: WeakRef<WebSocket> | undefined;
  await new Promise<void>((resolve) => {
    reference = createUnreferenced(server, (ws) => {
      ws.onopen = () => {
        use(ws);
        ws.onopen = null;
        resolve();
      };
    });
    void server.client().then((peer) => {
      peers.push(peer);
      void peer.accept();
    });
  });
  return [reference!, peers.pop()!];
}

const peers: PeerSocket[] = [];

describe("garbage collection", () => {
  step("garbage.connecting", async () => {
    const server = await listen();
    for (const type of ["open", "message", "error", "close"] as const) {
      const reference = createUnreferenced(server, (ws) => ws.addEventListener(type, () => undefined));
      const peer = await server.client();
      await peer.request();
      await collect();
      expect(reference.deref()?.readyState, type).toBe(0);
      peer.reset();
    }
  });

  step("garbage.waiting", async () => {
    setLocation("http://127.0.0.1/");
    const server = await listen();
    const running = create(server.url);
    const peer = await server.client();
    const reference = createUnreferenced(server, (ws) => ws.addEventListener("message", () => undefined));
    const collectedOne = createUnreferenced(server, () => undefined);
    await collect();
    expect([reference.deref()?.readyState, collectedOne.deref()]).toEqual([0, undefined]);
    await peer.accept();
    await (await server.client()).accept();
    const last = create(`${server.url}?last`);
    // The collected socket does not connect.
    expect((await nextRequest(server)).requestLine).toContain("?last");
    await next(last, "open");
    expect([running.readyState, server.connectionCount]).toEqual([1, 3]);
  });

  step("garbage.open", async () => {
    const server = await listen();
    for (const type of ["message", "error", "close"] as const) {
      const log: string[] = [];
      const [reference, peer] = await openUnreferenced(server, (ws) => {
        ws.addEventListener(type, (event: SocketEventMap[typeof type]) => log.push(event.type));
      });
      await collect();
      expect(reference.deref()?.readyState, type).toBe(1);
      peer.send(textFrame("late"));
      peer.reset();
      while (log.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(log[0]).toBe(type);
    }
  });

  step("garbage.closing", async () => {
    const server = await listen();
    const codes: number[] = [];
    const [reference, peer] = await openUnreferenced(server, (ws) => {
      ws.onclose = ({ code }) => codes.push(code);
      ws.close(3000);
    });
    await peer.untilClose();
    await collect();
    expect(reference.deref()?.readyState).toBe(2);
    peer.send(closeFrame(3000));
    peer.endWithClient();
    while (codes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(codes).toEqual([3000]);
  });

  step("garbage.collected", async () => {
    const server = await listen();
    const [reference, peer] = await openUnreferenced(server, (ws) => {
      ws.addEventListener("open", () => undefined);
      ws.onmessage = () => undefined;
      ws.onmessage = null;
      ws.send("queued");
    });
    await collect();
    expect(reference.deref()).toBeUndefined();
    expect(await peer.text()).toBe("queued");
    expect(await peer.untilClose()).toEqual({ code: undefined, reason: "" });
    peer.send(closeFrame());
    peer.endWithClient();
    await peer.untilGone();
  });

  step("garbage.removed-listener", async () => {
    const server = await listen();
    const [reference, peer] = await openUnreferenced(server, (ws) => {
      const listener = (): void => undefined;
      ws.addEventListener("message", listener);
      ws.removeEventListener("message", listener);
    });
    await collect();
    expect(reference.deref()).toBeUndefined();
    await peer.untilClose();
  });

  step("garbage.ended", async () => {
    const server = await listen();
    const codes: number[] = [];
    const [reference, peer] = await openUnreferenced(server, (ws) => {
      ws.onclose = ({ code }) => codes.push(code);
    });
    peer.reset();
    while (codes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await collect();
    expect(reference.deref()).toBeUndefined();
  });
});

describe("a process", () => {
  step("process.alive", async () => {
    const server = await listen();
    const entry = transpiledEntryPoint().replace("index.js", "whatwg/index.js");
    const lines: string[] = [];
    const program = runProgram(
      `import { WebSocket } from ${JSON.stringify(entry)};
      const ws = new WebSocket(${JSON.stringify(server.url)});
      ws.onopen = () => console.log("open");
      ws.onclose = ({ code }) => console.log(code);`,
      (line) => lines.push(line),
    );
    const peer = await server.client();
    await peer.accept();
    peer.send(closeFrame(4000));
    peer.endWithClient();
    expect(await program).toBe("");
    expect(lines).toEqual(["open", "4000"]);
  });

  step("process.worker", async () => {
    const server = await listen();
    const entry = transpiledEntryPoint().replace("index.js", "whatwg/index.js");
    const lines: string[] = [];
    const worker = `
      const { parentPort, workerData } = require("node:worker_threads");
      void import(${JSON.stringify(entry)}).then(({ WebSocket }) => {
        const ws = new WebSocket(workerData);
        ws.onmessage = ({ data }) => parentPort.postMessage(data);
        ws.onclose = ({ code }) => parentPort.postMessage(code);
      });`;
    const program = runProgram(
      `import { Worker } from "node:worker_threads";
      const options = { eval: true, execArgv: [], workerData: ${JSON.stringify(server.url)} };
      const worker = new Worker(${JSON.stringify(worker)}, options);
      worker.on("message", (value) => console.log(value));
      worker.on("exit", (code) => console.log("exit", code));`,
      (line) => lines.push(line),
    );
    const peer = await server.client();
    await peer.accept();
    peer.send(textFrame("hello"), closeFrame(4000));
    peer.endWithClient();
    expect(await program).toBe("");
    expect(lines).toEqual(["hello", "4000", "exit 0"]);
  });

  step("process.worker-shutdown", async () => {
    const server = await listen();
    const entry = transpiledEntryPoint().replace("index.js", "whatwg/index.js");
    const worker = `
      const { workerData } = require("node:worker_threads");
      void import(${JSON.stringify(entry)}).then(({ WebSocket }) => {
        const ws = new WebSocket(workerData);
        ws.onopen = () => process.exit();
      });`;
    const lines: string[] = [];
    const program = runProgram(
      `import { Worker } from "node:worker_threads";
      const options = { eval: true, execArgv: [], workerData: ${JSON.stringify(server.url)} };
      const worker = new Worker(${JSON.stringify(worker)}, options);
      worker.on("exit", (code) => console.log("exit", code));`,
      (line) => lines.push(line),
    );
    const peer = await server.client();
    await peer.accept();
    await peer.until(() => peer.hasEnded || peer.isGone);
    peer.end();
    expect(await program).toBe("");
    expect(lines).toEqual(["exit 0"]);
  });
});
