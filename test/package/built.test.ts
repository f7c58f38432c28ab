// Imports of the built files.
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { describe, expect, inject, it } from "vitest";

const run = promisify(execFile);
const dist = join(inject("packed").installed, "dist");

/** Returns the modules that a built file imports, requires or re-exports. */
function importsOf(source: string): string[] {
  return ts.preProcessFile(source, true, true).importedFiles.map((file) => file.fileName);
}

/** Returns the import graph of an entry point: package files by path, Node modules by name. */
async function graphOf(entry: string): Promise<Map<string, string[]>> {
  const graph = new Map<string, string[]>();
  const waiting = [join(dist, entry)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (graph.has(file)) continue;
    const imports = importsOf(await readFile(file, "utf8"));
    graph.set(file, imports);
    for (const path of imports) if (path.startsWith(".")) waiting.push(join(dirname(file), path));
  }
  return graph;
}

async function namedOfNode(entry: string): Promise<string[]> {
  const imports = [...(await graphOf(entry)).values()].flat();
  return [...new Set(imports.filter((path) => !path.startsWith(".")))].sort();
}

describe.each([
  ["ES modules", "js"],
  ["CommonJS", "cjs"],
])("built as %s", (_, extension) => {
  it("jetsocket/protocol imports only node:buffer and node:module, and loads crypto and zlib on demand", async () => {
    const allowed = ["node:buffer", "node:module"];
    const named = await namedOfNode(`protocol.${extension}`);
    expect(named.filter((name) => !allowed.includes(name))).toEqual([]);
    const source = await readFile(join(dist, `protocol.${extension}`), "utf8");
    const loaded = [...source.matchAll(/\bload\w*\("(node:\w+)"\)/g)].map(([, name]) => name);
    expect(loaded.sort()).toEqual(["node:crypto", "node:zlib"]);
  });

  it("jetsocket imports only Node modules, with the prefix node:", async () => {
    const named = await namedOfNode(`index.${extension}`);
    expect(named.filter((name) => !name.startsWith("node:"))).toEqual([]);
    expect(named).toContain("node:module");
  });

  it("jetsocket loads net, tls, zlib and crypto only on demand", async () => {
    const load = extension === "js" ? "await import" : "require";
    const file = JSON.stringify(join(dist, `index.${extension}`));
    const watched = JSON.stringify(["net", "tls", "zlib", "crypto"].map((name) => `NativeModule ${name}`));
    const script = `
      const before = new Set(process.moduleLoadList);
      ${load}(${file});
      const loaded = process.moduleLoadList.filter((name) => !before.has(name));
      console.log(loaded.filter((name) => ${watched}.includes(name)).join());
    `;
    const type = extension === "js" ? "module" : "commonjs";
    const { stdout } = await run(process.execPath, [`--input-type=${type}`, "--eval", script]);
    expect(stdout.trim()).toBe("");
  });

  it.each(["index", "testing"])("%s imports the protocol from its entry point", async (entry) => {
    const graph = await graphOf(`${entry}.${extension}`);
    expect(graph.get(join(dist, `${entry}.${extension}`))).toContain(`./protocol.${extension}`);
  });

  it("jetsocket and jetsocket/testing do not import each other", async () => {
    expect([...(await graphOf(`index.${extension}`)).keys()]).not.toContain(
      join(dist, `testing.${extension}`),
    );
    expect([...(await graphOf(`testing.${extension}`)).keys()]).not.toContain(
      join(dist, `index.${extension}`),
    );
  });

  it("jetsocket/channels imports the client from its entry point, and no module of Node", async () => {
    const imports = (await graphOf(`channels.${extension}`)).get(join(dist, `channels.${extension}`));
    expect([...new Set(imports)].sort()).toEqual([`./index.${extension}`]);
  });

  it.each(["pool", "presets"])("jetsocket/%s imports no module of Node", async (name) => {
    const imports = (await graphOf(`${name}.${extension}`)).get(join(dist, `${name}.${extension}`)) ?? [];
    expect([`./index.${extension}`, `./protocol.${extension}`]).toEqual(expect.arrayContaining([...imports]));
  });

  it("jetsocket/whatwg imports the client from its entry point, and of Node only events and util itself", async () => {
    const source = await readFile(join(dist, `whatwg.${extension}`), "utf8");
    expect([...new Set(importsOf(source))].sort()).toEqual([
      `./index.${extension}`,
      "node:events",
      "node:util",
    ]);
  });

  it("declares each class once", async () => {
    const ending = extension === "js" ? ".d.ts" : ".d.cts";
    const names: string[] = [];
    for (const file of await readdir(dist)) {
      // The drop-in has a class WebSocket of its own.
      if (!file.endsWith(ending) || file.startsWith("ws.")) continue;
      const source = await readFile(join(dist, file), "utf8");
      names.push(
        ...[...source.matchAll(/^(?:export )?(?:declare )?(?:abstract )?class (\w+)/gm)].map(
          (match) => match[1]!,
        ),
      );
    }
    expect(names).toContain("ProtocolError");
    // `jetsocket/whatwg` has a class of the same name as the client.
    names.splice(names.indexOf("WebSocket"), 1);
    expect(names.sort()).toEqual([...new Set(names)].sort());
  });
});
