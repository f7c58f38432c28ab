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
