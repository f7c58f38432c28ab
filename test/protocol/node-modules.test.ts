import * as crypto from "node:crypto";
import * as zlib from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

interface Loader {
  getBuiltinModule?: ((name: string) => unknown) | undefined;
}

const loader = process as Loader;
const original = Object.getOwnPropertyDescriptor(process, "getBuiltinModule");

/** Imports a new instance of the module while `process.getBuiltinModule` is `load`. */
async function importWith(
  load: Loader["getBuiltinModule"],
): Promise<typeof import("../../protocol/node-modules.js")> {
  vi.resetModules();
  Object.defineProperty(process, "getBuiltinModule", { value: load, configurable: true, writable: true });
  return import("../../protocol/node-modules.js");
}

afterEach(() => {
  if (original === undefined) delete loader.getBuiltinModule;
  else Object.defineProperty(process, "getBuiltinModule", original);
});

describe("with process.getBuiltinModule", () => {
  const modules: Readonly<Record<string, unknown>> = {
    "node:zlib": { name: "zlib" },
    "node:crypto": { name: "crypto" },
  };
  const load = vi.fn((name: string) => modules[name]);

  beforeEach(() => load.mockClear());

  it("loads nothing when it is imported", async () => {
    await importWith(load);
    expect(load).not.toHaveBeenCalled();
  });

  it("loads node:zlib on the first call and keeps it", async () => {
    const { nodeZlib } = await importWith(load);
    expect(nodeZlib()).toBe(modules["node:zlib"]);
    expect(nodeZlib()).toBe(modules["node:zlib"]);
    expect(load.mock.calls).toEqual([["node:zlib"]]);
  });

  it("loads node:crypto without loading node:zlib", async () => {
    const { nodeCrypto } = await importWith(load);
    expect(nodeCrypto()).toBe(modules["node:crypto"]);
    expect(load.mock.calls).toEqual([["node:crypto"]]);
  });

  it("throws the error of the loader, and tries again on the next call", async () => {
    const { nodeZlib } = await importWith(load);
    load.mockImplementationOnce(() => {
      throw new Error("no zlib");
    });
    expect(() => nodeZlib()).toThrow("no zlib");
    expect(nodeZlib()).toBe(modules["node:zlib"]);
  });
});

describe("without process.getBuiltinModule, as in Node 20.12 to 20.15", () => {
  it("returns the modules of Node", async () => {
    const { nodeCrypto, nodeZlib } = await importWith(undefined);
    expect(nodeZlib().inflateRawSync).toBe(zlib.inflateRawSync);
    expect(nodeCrypto().hash).toBe(crypto.hash);
  });
});
