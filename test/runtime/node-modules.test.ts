import * as crypto from "node:crypto";
import * as channels from "node:diagnostics_channel";
import * as net from "node:net";
import * as tls from "node:tls";
import * as util from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

type Load = (name: string) => unknown;
type Modules = typeof import("../../src/runtime/node-modules.js");

const loader = process as { getBuiltinModule?: Load | undefined };
const original = Object.getOwnPropertyDescriptor(process, "getBuiltinModule");

/** Imports a new instance of the module while `process.getBuiltinModule` is `load`. */
async function importWith(load: Load | undefined): Promise<Modules> {
  vi.resetModules();
  Object.defineProperty(process, "getBuiltinModule", { value: load, configurable: true, writable: true });
  return import("../../src/runtime/node-modules.js");
}

afterEach(() => {
  if (original === undefined) delete loader.getBuiltinModule;
  else Object.defineProperty(process, "getBuiltinModule", original);
});

const functions = [
  ["nodeNet", "node:net"],
  ["nodeTls", "node:tls"],
  ["nodeCrypto", "node:crypto"],
  ["nodeUtil", "node:util"],
  ["nodeChannels", "node:diagnostics_channel"],
] as const;

describe("with process.getBuiltinModule", () => {
  const load = vi.fn((name: string) => ({ name }));

  beforeEach(() => load.mockClear());

  it("loads nothing when it is imported", async () => {
    await importWith(load);
    expect(load).not.toHaveBeenCalled();
  });

  it.each(functions)("%s() loads only %s", async (call, name) => {
    const modules = await importWith(load);
    expect(modules[call]()).toEqual({ name });
    expect(load.mock.calls).toEqual([[name]]);
  });

  it("keeps node:net, so that each connection does not load it again", async () => {
    const { nodeNet } = await importWith(load);
    expect(nodeNet()).toBe(nodeNet());
    expect(load.mock.calls).toEqual([["node:net"]]);
  });

  it("throws the error of the loader, and tries again on the next call", async () => {
    const { nodeNet } = await importWith(load);
    load.mockImplementationOnce(() => {
      throw new Error("no net");
    });
    expect(() => nodeNet()).toThrow("no net");
    expect(nodeNet()).toEqual({ name: "node:net" });
  });
});

describe("without process.getBuiltinModule, as in Node 20.12 to 20.15", () => {
  it("returns the modules of Node", async () => {
    const modules = await importWith(undefined);
    expect(modules.nodeNet().connect).toBe(net.connect);
    expect(modules.nodeTls().connect).toBe(tls.connect);
    expect(modules.nodeCrypto().randomBytes).toBe(crypto.randomBytes);
    expect(modules.nodeUtil().inspect).toBe(util.inspect);
    expect(modules.nodeChannels().channel).toBe(channels.channel);
  });
});
