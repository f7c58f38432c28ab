import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { cases, runsAll } from "../support/cases.js";
import { transpilePackage } from "../support/transpiled-package.js";
import { runProgram } from "./child-process.js";

const mebibyte = 1024 * 1024;
/** The default of `maxBufferedAmount`. */
const bound = 64 * mebibyte;
const maxGrowth = 2 * bound + 32 * mebibyte;

/**
 * Sends `count` messages in one synchronous loop. Prints the largest growth of the memory, and by how many
 * milliseconds a timer is late afterwards.
 */
const program = `
// A refused call without a listener causes a process warning, which Node would print to stderr.
process.removeAllListeners("warning");
const ws = new WebSocket(url, options);
if (isConnected) {
  await ws.connect();
  // Fills the socket, so that all later messages wait in the client.
  ws.sendRaw(Buffer.alloc(8 * 1024 * 1024));
}
if (isRotating) ws.rotate();
await new Promise((resolve) => setTimeout(resolve, 300));
const idle = process.memoryUsage.rss();
let peak = idle;
const look = () => (peak = Math.max(peak, process.memoryUsage.rss()));
for (let index = 0; index < count; index++) {
  send(index);
  if (index % 2048 === 0) look();
}
look();
const end = performance.now();
await new Promise((resolve) => setTimeout(resolve, 1));
const lateBy = performance.now() - end;
look();
console.log(JSON.stringify({ growth: peak - idle, lateBy, buffered: ws.bufferedAmount, kept: ws.stats().outboxMessages }));
process.exit(0);
`;

let entryPoint = "";
const folder = mkdtempSync(join(tmpdir(), "jetsocket-"));

beforeAll(() => {
  transpilePackage(folder);
  entryPoint = pathToFileURL(join(folder, "src/index.js")).href;
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

/** Accepts every client, and reads nothing after the request. */
async function listen(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", (head) => {
      const key = /^sec-websocket-key: (.*)\r$/im.exec(head.toString("latin1"))![1];
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.pause();
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Case {
  readonly send: string;
  readonly options?: string;
  readonly isConnected?: boolean;
  readonly isRotating?: boolean;
  readonly count?: number;
}

interface Growth {
  readonly growth: number;
  readonly lateBy: number;
  readonly buffered: number;
  readonly kept: number;
}

async function measure(name: string, given: Case): Promise<Growth> {
  const url = await listen();
  const values = `
    const url = ${JSON.stringify(url)};
    const options = ${given.options ?? "{}"};
    const send = ${given.send};
    const isConnected = ${given.isConnected ?? true};
    const isRotating = ${given.isRotating ?? false};
    const count = ${given.count ?? cases(4_000_000)};`;
  const lines: string[] = [];
  const source = `import { WebSocket } from ${JSON.stringify(entryPoint)};${values}${program}`;
  const errors = await runProgram(source, (line) => lines.push(line));
  expect(errors).toBe("");
  const result = JSON.parse(lines[0]!) as Growth;
  console.log(`${name}: the process grows by ${(result.growth / mebibyte).toFixed(1)} MiB at most`);
  return result;
}

const everything = "{ capacity: 2 ** 31 - 1, maxBytes: 64 * 1024 * 1024 }";
const overlap = `replay: { sequence: (message) => message.n }, rotation: { mode: "overlap", overlap: 60_000 }`;
const ids = `idOf: (message) => (typeof message === "string" ? message : "bytes"), acknowledges: () => undefined`;

/** By default only the first four run. */
const sends: readonly [string, Case][] = [
  ["send()", { send: `() => ws.send("x")` }],
  ["an outbox with a connection", { options: "{ outbox: {} }", send: `() => ws.send("x")` }],
  [
    "messages that wait for a rotation",
    { options: `{ ${overlap} }`, send: `() => ws.send("x")`, isRotating: true },
  ],
  ["sendRaw() of bytes", { send: `() => ws.sendRaw(Buffer.from("x"))` }],
  ["sendRaw() of a text", { send: `() => ws.sendRaw("x")` }],
  ["trySend()", { send: `() => ws.trySend("x")` }],
  ["messages of many sizes", { send: `(n) => ws.send("x".repeat(n % 100))` }],
  ["send() with a timeout", { send: `() => ws.send("x", { timeout: 1e6 })`, count: cases(2_000_000) }],
  [
    "texts with one character outside Latin-1",
    { send: `(n) => ws.send(n + "a".repeat(1_000) + "\\u20ac")`, count: cases(1_000_000) },
  ],
  [
    "an outbox without a connection",
    { options: "{ outbox: {} }", send: `() => ws.send("x")`, isConnected: false },
  ],
  [
    "an outbox of 64 MiB and any number of texts",
    { options: `{ outbox: ${everything} }`, send: `() => ws.send("x")`, isConnected: false },
  ],
  [
    "an outbox of 64 MiB and any number of binary messages",
    { options: `{ outbox: ${everything} }`, send: `() => ws.sendRaw(Buffer.from("x"))`, isConnected: false },
  ],
  [
    "an outbox of 4 MiB and any number of messages that drops the oldest",
    {
      options: `{ outbox: { capacity: 2 ** 31 - 1, overflow: "dropOldest" } }`,
      send: `() => ws.send("x")`,
      isConnected: false,
    },
  ],
  [
    "an outbox of 4 MiB and any number of messages, with acknowledgements",
    { options: `{ outbox: { capacity: 2 ** 31 - 1, ${ids} } }`, send: "(n) => ws.send(String(n))" },
  ],
  [
    "binary messages that wait for a rotation",
    { options: `{ ${overlap} }`, send: `() => ws.sendRaw(Buffer.from("x"))`, isRotating: true },
  ],
  ["a client without a connection", { send: `() => ws.send("x")`, isConnected: false }],
  ["an aborted signal", { send: `((signal) => () => ws.send("x", { signal }))(AbortSignal.abort())` }],
];

/** The other cases show a growth with fewer messages too. */
const others = sends.slice(4).map(([name, given]) => [name, { count: 1_000_000, ...given }] as const);

it.each(runsAll ? [...sends.slice(0, 4), ...others] : sends.slice(0, 4))(
  "sends without await to a peer that does not read stay within twice the limit and 32 MiB: %s",
  async (name, given) => {
    const { growth, lateBy, buffered } = await measure(name, given);
    expect(growth).toBeLessThan(maxGrowth);
    expect(buffered).toBeLessThanOrEqual(bound);
    // The loop queues no backlog of microtasks that would delay timers.
    expect(lateBy).toBeLessThan(1_000);
  },
  60_000,
);
