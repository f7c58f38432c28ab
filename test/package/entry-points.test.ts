// Loads the packed package as ES modules and as CommonJS.
import { execFile, spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, inject, it } from "vitest";
import { root } from "./packed.js";

const run = promisify(execFile);
const { installed, project, tarball } = inject("packed");

interface Loaded {
  readonly esm: Record<string, string[]>;
  readonly cjs: Record<string, string[]>;
  readonly hasTwoCopies: boolean;
  readonly matches: Record<string, boolean>;
  readonly isOneClassInside: Record<string, boolean>;
  readonly misnamed: string[];
}

/** Program that loads both copies of the package in the test project and prints the results as JSON. */
const probe = `
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const esm = { main: await import("jetsocket"), protocol: await import("jetsocket/protocol"), testing: await import("jetsocket/testing"), channels: await import("jetsocket/channels"), pool: await import("jetsocket/pool"), presets: await import("jetsocket/presets"), whatwg: await import("jetsocket/whatwg") };
const cjs = { main: require("jetsocket"), protocol: require("jetsocket/protocol"), testing: require("jetsocket/testing"), channels: require("jetsocket/channels"), pool: require("jetsocket/pool"), presets: require("jetsocket/presets"), whatwg: require("jetsocket/whatwg") };
const names = (copy) => Object.fromEntries(Object.entries(copy).map(([entry, all]) => [entry, Object.keys(all).sort()]));
const isClass = (value) => typeof value === "function" && /^class\\b/.test(Function.prototype.toString.call(value));
const both = Object.keys(esm.main).filter((name) => name in esm.protocol);
const misnamed = [esm, cjs].flatMap(({ main, protocol, testing, channels, pool, whatwg }) =>
  [main, protocol, testing, channels, pool, whatwg].flatMap((entry) =>
    Object.values(entry).filter(isClass).map((type) => type.name).filter((name) => !(name in entry)),
  ),
);
const error = { code: "PROBE" };
console.log(JSON.stringify({
  esm: names(esm),
  cjs: names(cjs),
  hasTwoCopies: esm.main.JetSocketError !== cjs.main.JetSocketError,
  matches: {
    "esm of cjs": new cjs.main.JetSocketError("probe", error) instanceof esm.main.JetSocketError,
    "cjs of esm": new esm.main.JetSocketError("probe", error) instanceof cjs.main.JetSocketError,
    "subclass, esm of cjs": new cjs.main.ProtocolError("probe", { ...error, closeCode: 1002 }) instanceof esm.main.JetSocketError,
    "of the test kit": new esm.testing.ClientGoneError() instanceof esm.main.JetSocketError,
    "of a pool": new esm.pool.PoolClosedError("probe", "closed") instanceof cjs.main.InvalidStateError,
    "of a channel": new esm.channels.RequestError("probe", error) instanceof cjs.main.JetSocketError,
    "client, esm of cjs": new cjs.main.WebSocket("ws://a.test/") instanceof esm.main.WebSocket,
    "client, cjs of esm": new esm.main.WebSocket("ws://a.test/") instanceof cjs.main.JetSocket,
    "subclass of a client": new cjs.main.WebSocket("ws://a.test/") instanceof class extends esm.main.WebSocket {},
    "sibling": new cjs.main.ProtocolError("probe", { ...error, closeCode: 1002 }) instanceof esm.main.HandshakeError,
  },
  isOneClassInside: Object.fromEntries(both.map((name) => [name, esm.main[name] === esm.protocol[name] && cjs.main[name] === cjs.protocol[name]])),
  misnamed,
}));
`;

async function load(): Promise<Loaded> {
  await writeFile(join(project, "probe.mjs"), probe);
  const { stdout } = await run(process.execPath, ["probe.mjs"], { cwd: project });
  return JSON.parse(stdout) as Loaded;
}

describe("the entry points of the packed package", () => {
  it("load as ES modules and as CommonJS, with the same names", async () => {
    const { esm, cjs } = await load();
    expect(esm["main"]).toContain("WebSocket");
    expect(esm["main"]).toContain("JetSocket");
    expect(esm["protocol"]).toContain("ProtocolConnection");
    expect(esm["testing"]).toEqual(["ClientGoneError", "ScriptedServer", "VirtualRuntime", "frame"]);
    expect(esm["channels"]).toEqual([
      ...["Channel", "ChannelError", "Feed", "RequestError", "Requester", "channels", "requests"],
    ]);
    expect(esm["pool"]).toEqual([
      ...[
        "Lease",
        "Pool",
        "PoolClosedError",
        "PoolError",
        "PoolExhaustedError",
        "PooledConnection",
        "createPool",
      ],
    ]);
    expect(esm["presets"]).toEqual(["dashboard", "llmStream", "minimal", "trading"]);
    expect(esm["whatwg"]).toEqual(["CloseEvent", "MessageEvent", "ReconnectingWebSocket", "WebSocket"]);
    expect(cjs).toEqual(esm);
    expect(esm["main"]).not.toContain("default");
  });

  it("match errors and clients across the two copies by `instanceof`", async () => {
    const { hasTwoCopies, matches } = await load();
    expect(hasTwoCopies).toBe(true);
    expect(matches).toEqual({
      "esm of cjs": true,
      "cjs of esm": true,
      "subclass, esm of cjs": true,
      "of the test kit": true,
      "of a pool": true,
      "of a channel": true,
      "client, esm of cjs": true,
      "client, cjs of esm": true,
      "subclass of a client": false,
      sibling: false,
    });
  });

  it("export the same class object from every entry point", async () => {
    const { isOneClassInside } = await load();
    expect(Object.keys(isOneClassInside)).toContain("ProtocolError");
    expect(Object.values(isOneClassInside)).not.toContain(false);
  });

  it("export each class under its own name", async () => {
    expect((await load()).misnamed).toEqual([]);
  });

  it("pass publint", async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
  });

  it("have types that resolve for ES modules and for CommonJS", () => {
    const attw = join(root, "node_modules/.bin/attw");
    const args = [tarball, "--profile", "node16", "--no-definitely-typed", "--format", "ascii", "--no-color"];
    const { status, stdout } = spawnSync(attw, args, { cwd: project, encoding: "utf8" });
    expect(status, stdout).toBe(0);
  });
});
