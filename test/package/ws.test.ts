// Loads `jetsocket/ws` of the packed package in every way in which programs load the package `ws`, and compiles against it.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { root } from "./packed.js";

const run = promisify(execFile);
const folder = join(inject("packed").project, "ws-consumer");

const moduleSource = `
import Default, { createWebSocketStream, WebSocket, WebSocketServer, type RawData } from "jetsocket/ws";
import { Agent } from "node:https";
import type { Duplex } from "node:stream";

export const ws: WebSocket = new Default("wss://localhost", ["a"], { headers: { Authorization: "b" }, ca: "c", perMessageDeflate: { threshold: 1 } });
ws.on("message", (data: WebSocket.RawData, isBinary) => void (data satisfies RawData, isBinary satisfies boolean));
ws.once("close", (code: number, reason: Buffer) => void [code, reason]);
ws.on("unexpected-response", (request, response) => void [request.destroy(), response.statusCode]);
ws.onmessage = (event: WebSocket.MessageEvent) => void event.data;
ws.addEventListener("close", ({ code, wasClean }) => void [code satisfies number, wasClean satisfies boolean], { once: true });
ws.send("text", { binary: true }, (error?: Error) => void error);
ws.send(new Uint8Array(1), (error) => void error);
if (ws.readyState === WebSocket.OPEN || ws.readyState === ws.CLOSING) ws.close(1000, Buffer.from("reason"));
export const stream: Duplex = createWebSocketStream(ws, { encoding: "utf8" });
export const server: typeof WebSocketServer = WebSocket.Server;
const options: WebSocket.ClientOptions = {};
options.headers = { a: "b" };
options.agent = new Agent();
export const text = (data: Buffer | ArrayBuffer | Buffer[]): string => data.toString();
ws.on("message", (data) => void text(data));
class Extended extends WebSocket {}
export const extended: WebSocket.WebSocket = new Extended(new URL("ws://localhost"), { maxPayload: 1 });
// @ts-expect-error An unknown option.
new WebSocket("ws://localhost", { handshakeTimeot: 1 });
`;

const commonJsSource = `
import WebSocket = require("jetsocket/ws");
import { createWebSocketStream, WebSocket as Named } from "jetsocket/ws";

const ws = new WebSocket("ws://localhost");
const named: WebSocket = new Named("ws://localhost");
const data: WebSocket.RawData = Buffer.from("a");
const same: typeof Named = WebSocket.WebSocket;
export = { ws, named, data, same, stream: createWebSocketStream(ws), state: WebSocket.OPEN };
`;

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "module.mts"), moduleSource);
  await writeFile(join(folder, "common.cts"), commonJsSource);
});

async function evaluate(kind: "module" | "commonjs", code: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, [`--input-type=${kind}`, "--eval", code], { cwd: folder });
  return JSON.parse(stdout);
}

describe("jetsocket/ws of the packed package", () => {
  it("has the named and the default export as an ES module", async () => {
    const code = `
      import * as all from "jetsocket/ws";
      const { default: type, WebSocket } = all;
      console.log(JSON.stringify([Object.keys(all).sort(), type === WebSocket, type.name, type.OPEN]));
    `;
    const names = ["WebSocket", "WebSocketServer", "createWebSocketStream", "default"];
    expect(await evaluate("module", code)).toEqual([names, true, "WebSocket", 1]);
  });

  it("is the class itself with require()", async () => {
    const code = `
      const WebSocket = require("jetsocket/ws");
      const { WebSocket: named, createWebSocketStream, Server } = WebSocket;
      console.log(JSON.stringify([typeof WebSocket, named === WebSocket, typeof createWebSocketStream, typeof Server, WebSocket.CLOSED]));
    `;
    expect(await evaluate("commonjs", code)).toEqual(["function", true, "function", "function", 3]);
  });

  it.each(["node16", "nodenext"])("compiles with %s and without skipLibCheck", async (module) => {
    const configuration = {
      compilerOptions: {
        ...{
          module,
          moduleResolution: module,
          lib: ["ES2022"],
          target: "ES2022",
          strict: true,
          noEmit: true,
        },
        ...{ skipLibCheck: false, types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
      },
      files: ["module.mts", "common.cts"],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(configuration));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const output = await run(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd: folder }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { readonly stdout: string }).stdout,
    );
    expect(output).toBe("");
  });
});
