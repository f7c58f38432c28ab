import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import ts from "typescript";
import { describe, expect, inject, it } from "vitest";

const dist = join(inject("packed").installed, "dist");

/** What a built file imports, requires, or exports again. */
function importsOf(source: string): string[] {
  return ts.preProcessFile(source, true, true).importedFiles.map((file) => file.fileName);
}

/** Every module that comes with `door`: those of the package by path, those of Node by name. */
async function graphOf(door: string): Promise<Map<string, string[]>> {
  const graph = new Map<string, string[]>();
  const waiting = [join(dist, door)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (graph.has(file)) continue;
    const imports = importsOf(await readFile(file, "utf8"));
    graph.set(file, imports);
    for (const path of imports) if (path.startsWith(".")) waiting.push(join(dirname(file), path));
  }
  return graph;
}

async function namedOfNode(door: string): Promise<string[]> {
  const imports = [...(await graphOf(door)).values()].flat();
  return [...new Set(imports.filter((path) => !path.startsWith(".")))].sort();
}

describe.each([
  ["ES modules", "js"],
  ["CommonJS", "cjs"],
])("built as %s", (_, extension) => {
  it("jetsocket/protocol names of Node only buffer, crypto and zlib", async () => {
    const allowed = ["node:buffer", "node:crypto", "node:zlib"];
    const named = await namedOfNode(`protocol.${extension}`);
    expect(named.filter((name) => !allowed.includes(name))).toEqual([]);
    expect(named).toContain("node:zlib");
  });

  it("jetsocket names nothing but modules of Node, by their full name", async () => {
    const named = await namedOfNode(`index.${extension}`);
    expect(named.filter((name) => !name.startsWith("node:"))).toEqual([]);
    expect(named).toContain("node:net");
  });

  it.each(["index", "testing"])("%s takes the protocol from its own door", async (door) => {
    const graph = await graphOf(`${door}.${extension}`);
    expect(graph.get(join(dist, `${door}.${extension}`))).toContain(`./protocol.${extension}`);
  });

  it("jetsocket and jetsocket/testing do without each other", async () => {
    expect([...(await graphOf(`index.${extension}`)).keys()]).not.toContain(
      join(dist, `testing.${extension}`),
    );
    expect([...(await graphOf(`testing.${extension}`)).keys()]).not.toContain(
      join(dist, `index.${extension}`),
    );
  });

  it("declares each class once", async () => {
    const ending = extension === "js" ? ".d.ts" : ".d.cts";
    const names: string[] = [];
    for (const file of await readdir(dist)) {
      if (!file.endsWith(ending)) continue;
      const source = await readFile(join(dist, file), "utf8");
      names.push(
        ...[...source.matchAll(/^(?:export )?(?:declare )?(?:abstract )?class (\w+)/gm)].map(
          (match) => match[1]!,
        ),
      );
    }
    expect(names).toContain("ProtocolError");
    expect(names.sort()).toEqual([...new Set(names)].sort());
  });
});
