// Compiles TypeScript projects against the declarations of the packed package.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { root } from "./packed.js";

const run = promisify(execFile);
const folder = join(inject("packed").project, "consumer");
const tsc = join(root, "node_modules/typescript/bin/tsc");

/** A TypeScript program that uses all entry points. */
const moduleSource = `
import { on, once } from "node:events";
import { type CloseReport, connect, json, raw, WebSocket, type WebSocketOptions } from "jetsocket";
import { type Channel, channels } from "jetsocket/channels";
import { createPool, type Lease } from "jetsocket/pool";
import { trading } from "jetsocket/presets";
import { ProtocolConnection, type ProtocolConnectionOptions } from "jetsocket/protocol";
import { ScriptedServer, VirtualRuntime } from "jetsocket/testing";
import { CloseEvent, ReconnectingWebSocket, WebSocket as Socket } from "jetsocket/whatwg";

interface Trade {
  readonly price: number;
}
export const ws = new WebSocket<Trade>("ws://localhost", { ...json });
export const trade: Promise<Trade> = ws.recv();
export const value: Promise<unknown> = new WebSocket("ws://localhost", { ...json }).recv();
export const text: Promise<string | Buffer> = new WebSocket("ws://localhost", { ...raw }).recv();
const feed = channels({
  channelOf: (message: Trade) => String(message.price),
  subscribe: (names) => ({ names }),
  unsubscribe: (names) => ({ names }),
});
export const channel: Channel<Trade> = feed.open("trades");
feed.attach(new WebSocket("ws://localhost", { onConnection: feed.onConnection }));
const pool = createPool<Trade>({ url: "wss://localhost", max: 2, ...{ compress: trading.compress } });
export const lease: Promise<Lease<Trade, unknown>> = pool.acquire();
export const preset = new WebSocket<Trade>("wss://localhost", { ...trading });
export const socket: EventTarget = new Socket("ws://localhost", ["chat"], { headers: { Cookie: "a=b" } });
export const again = new ReconnectingWebSocket(async () => "ws://localhost", null, { maxRetries: 5, outbox: 10 });
again.addEventListener("message", ({ data }) => console.log(data));
export const code: number = new CloseEvent("close", { code: 1000 }).code;
const options: WebSocketOptions<Trade, unknown> = { reconnect: false };
export const report: Promise<CloseReport | undefined> = connect<Trade>("ws://localhost", options).then(
  (client) => client.lastReport,
);
export const connected: Promise<unknown[]> = once(ws, "connected", { signal: new AbortController().signal });
export const messages: AsyncIterator<unknown[]> = on(ws, "message");
export const open = (given: ProtocolConnectionOptions): ProtocolConnection => new ProtocolConnection(given);
export const runtime = new VirtualRuntime({
  server: new ScriptedServer({ onConnection: (connection) => connection.accept() }),
});
`;

const commonJsSource = `
import jetsocket = require("jetsocket");
import protocol = require("jetsocket/protocol");
import testing = require("jetsocket/testing");
import whatwg = require("jetsocket/whatwg");

const ws = new jetsocket.WebSocket<{ readonly price: number }>("ws://localhost", { ...jetsocket.json });
const trade: Promise<{ readonly price: number }> = ws.recv();
const both: typeof jetsocket.ProtocolError = protocol.ProtocolError;
const state: number = new whatwg.WebSocket("ws://localhost").readyState;
export = { ws, trade, both, state, runtime: new testing.VirtualRuntime() };
`;

/** A program with the types of the DOM. Libraries expect the class of the browser. */
const domSource = `
import { ReconnectingWebSocket, WebSocket as Socket } from "jetsocket/whatwg";

export const type: typeof globalThis.WebSocket = Socket;
export const socket: globalThis.WebSocket = new Socket("ws://localhost");
export const again: globalThis.WebSocket = new ReconnectingWebSocket("ws://localhost");
globalThis.WebSocket = Socket;
const own = new Socket("ws://localhost");
own.binaryType = "nodebuffer";
own.onclose = ({ code, reason }) => console.log(code.toFixed(), reason.length);
`;

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "module.mts"), moduleSource);
  await writeFile(join(folder, "common.cts"), commonJsSource);
  await writeFile(join(folder, "bundled.ts"), moduleSource);
  await writeFile(join(folder, "dom.mts"), domSource);
});

const libraries = {
  "no DOM": ["ES2022"],
  "the DOM": ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable"],
};

/** Compiles a project that also checks the declarations of its packages, and returns the compiler's output. */
async function compile(module: string, moduleResolution: string, lib: readonly string[]): Promise<string> {
  const configuration = {
    compilerOptions: {
      ...{ module, moduleResolution, lib, target: "ES2022", strict: true, skipLibCheck: false, noEmit: true },
      ...{ types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
    },
    files: [
      ...(moduleResolution === "bundler" ? ["bundled.ts"] : ["module.mts", "common.cts"]),
      ...(lib.includes("DOM") ? ["dom.mts"] : []),
    ],
  };
  const file = `tsconfig.${moduleResolution}.${lib.length}.json`;
  await writeFile(join(folder, file), JSON.stringify(configuration));
  return run(process.execPath, [tsc, "-p", file], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: unknown) => (error as { readonly stdout: string }).stdout,
  );
}

describe.each(Object.entries(libraries))("a consumer without skipLibCheck, with %s", (_name, lib) => {
  it.each([
    ["node16", "node16"],
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("compiles with module %s and moduleResolution %s", async (module, moduleResolution) => {
    expect(await compile(module, moduleResolution, lib)).toBe("");
  });
});
