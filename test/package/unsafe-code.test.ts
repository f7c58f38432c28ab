// Checks that the files of the package run no text as a program and load only known modules of Node.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { knownModules, loaderUses } from "../support/known-modules.js";
import { unsafeCodeIn } from "../support/unsafe-code.js";

const { files, installed } = inject("packed");

const programs = files.filter((file) => /\.[cm]?js$/.test(file));
const built = programs.filter((file) => file.startsWith("dist/"));

/** CommonJS imports `createRequire` without naming it, and exports the function that loads modules of Node. */
const loaderUsesOfCommonJs = [
  ...["createRequire", "getBuiltinModule"],
  ...["loadNodeModule", "loadNodeModule", "loadNodeModule"],
];

/** Only the name of the class is read, for the text of an error. */
const usesOfErrors = ["the constructor of a value"];

/** The uses in each built file. */
const expectedUses: Readonly<Record<string, readonly string[]>> = {
  "dist/channels.cjs": [],
  "dist/channels.js": [],
  "dist/index.cjs": usesOfErrors,
  "dist/index.js": usesOfErrors,
  "dist/pool.cjs": [],
  "dist/pool.js": [],
  "dist/presets.cjs": [],
  "dist/presets.js": [],
  "dist/protocol.cjs": [...loaderUsesOfCommonJs, "WebAssembly"],
  "dist/protocol.js": [...loaderUses, "WebAssembly"],
  "dist/testing.cjs": [],
  "dist/testing.js": [],
  "dist/whatwg.cjs": [],
  "dist/whatwg.js": [],
  "dist/ws-require.cjs": [],
  "dist/ws.cjs": [],
  "dist/ws.js": [],
};

async function readCode(file: string): Promise<ReturnType<typeof unsafeCodeIn>> {
  return unsafeCodeIn(file, await readFile(join(installed, file), "utf8"));
}

describe("the package", () => {
  it("contains the built files and no native code", () => {
    expect([...built].sort()).toEqual(Object.keys(expectedUses));
    // npm compiles a package with a binding.gyp when it installs the package.
    expect(files.filter((file) => /\.(node|gyp|wasm|so|dll|dylib)$/.test(file))).toEqual([]);
  });

  it.each(Object.keys(expectedUses))("%s runs no text and loads only known modules", async (file) => {
    const { uses, modules } = await readCode(file);
    expect([...uses].sort()).toEqual([...expectedUses[file]!].sort());
    const own = /^\.\/(index|protocol|ws)\.c?js$/;
    expect(modules.filter((name) => !own.test(name) && !knownModules.includes(name))).toEqual([]);
    // Presets are data.
    expect(modules.length > 0).toBe(!file.startsWith("dist/presets"));
  });

  it("contains no example that runs a text", async () => {
    const examples = programs.filter((file) => !file.startsWith("dist/"));
    const uses = await Promise.all(examples.map(async (file) => (await readCode(file)).uses));
    expect(uses.flat()).toEqual([]);
    expect(examples.length).toBeGreaterThan(10);
  });
});
