import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { transitions } from "../src/client/lifecycle/state.js";
import { folderOf } from "./support/folders.js";
import { importsOf, readSources } from "./support/import-graph.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/design/architecture.md"), "utf8");

/** The arrows of the first Mermaid diagram of a kind, sorted. */
function arrowsIn(kind: "flowchart" | "stateDiagram"): string[] {
  const diagram = new RegExp("```mermaid\n" + kind + "[^]*?```").exec(page)?.[0] ?? "";
  return (diagram.match(/^ +\S+ --> \S+$/gm) ?? []).map((line) => line.trim()).sort();
}

/** Every folder may import these; the diagram leaves them out. */
const shared = new Set(["protocol", "events", "errors", "runtime", "options", "redaction"]);

describe("docs/design/architecture.md", () => {
  it("shows all imports between folders, without those of the shared folders", () => {
    const imports = importsOf(readSources(root, ["protocol", "src"])).map(({ from, to }) => [
      folderOf(from),
      folderOf(to),
    ]);
    const arrows = imports
      .filter(([from, to]) => from !== to && !shared.has(from!) && !shared.has(to!))
      .map(([from, to]) => `${from} --> ${to}`);
    expect(arrowsIn("flowchart")).toEqual([...new Set(arrows)].sort());
  });

  it("shows all transitions between the states of a client", () => {
    const arrows = Object.entries(transitions).flatMap(([from, list]) =>
      list.map((to) => `${from} --> ${to}`),
    );
    expect(arrowsIn("stateDiagram").filter((arrow) => !arrow.includes("[*]"))).toEqual(arrows.sort());
  });
});

describe("docs/design/size.md", () => {
  const text = readFileSync(join(root, "docs/design/size.md"), "utf8");

  it("has a row for each folder of the client (if not, run: node tools/size-table.mjs)", () => {
    const modules = [...readSources(root, ["protocol", "src"]).keys()];
    const folders = new Set(modules.map((file) => file.slice(0, file.lastIndexOf("/") + 1)));
    const others = [
      ...["src/testing/", "src/whatwg/", "src/ws/", "src/channels/", "src/pool/", "src/presets/"],
      "protocol/extensions/",
    ];
    const rows = [...text.matchAll(/^\| `((?:src|protocol)\/\S*)`/gm)].map(([, folder]) => folder!);
    expect(rows.sort()).toEqual([...folders].filter((folder) => !others.includes(folder)).sort());
  });

  it("has the recorded sizes of the entry points, to 1 KB", () => {
    const sizes = JSON.parse(readFileSync(join(root, "tools/sizes.json"), "utf8")) as Record<string, number>;
    const sizeOf = (start: string): number =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(start))!
          .match(/([\d.]+) KB/)![1],
      );
    const connect = Math.abs(sizeOf("| `{ connect }` of") - sizes["{ connect }"]! / 1000);
    const protocol = Math.abs(sizeOf("| `jetsocket/protocol` ") - sizes["jetsocket/protocol"]! / 1000);
    expect(Math.max(connect, protocol)).toBeLessThan(1);
  });
});
