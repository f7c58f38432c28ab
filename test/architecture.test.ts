import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { folderOf, folders } from "./support/folders.js";
import { importsOf, cycleIn, readSources, type Import, type Sources } from "./support/import-graph.js";

function faultOf({ from, to }: Import, sources: Sources): string | undefined {
  if (!sources.has(to)) return "imports a file that does not exist";
  const [upper, lower] = [folderOf(from), folderOf(to)];
  const allowed = folders[upper];
  if (allowed === undefined) return `is in the folder "${upper}", which the list of folders does not contain`;
  if (upper !== lower && !allowed.includes(lower)) return `is not allowed: ${upper} may not import ${lower}`;
  if (upper !== "protocol" && lower === "protocol" && to !== "protocol/index.ts")
    return "does not use the entry point protocol/index.ts";
  return undefined;
}

/** The faults in the imports of `sources`, one line each. */
function faultsIn(sources: Sources): string[] {
  const imports = importsOf(sources);
  const faults = imports.flatMap((one) => {
    const fault = faultOf(one, sources);
    return fault === undefined ? [] : [`${one.from} -> ${one.to} ${fault}`];
  });
  const cycle = cycleIn(imports);
  return cycle === undefined ? faults : [...faults, `${cycle.join(" -> ")} is a cycle`];
}

describe("the source files", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = readSources(root, ["protocol", "src"]);

  it("are all found", () => {
    expect([...sources.keys()]).toEqual(
      expect.arrayContaining([
        ...["protocol/index.ts", "protocol/errors.ts"],
        ...["src/index.ts", "src/runtime/runtime.ts", "src/client/message-hub.ts"],
      ]),
    );
    expect(importsOf(sources).length).toBeGreaterThan(sources.size / 2);
  });

  it("import only what their folder may import, and form no cycle, types included", () => {
    expect(faultsIn(sources)).toEqual([]);
  });

  it("are each covered by the list of folders, which has no cycle", () => {
    expect([...sources.keys()].filter((file) => folders[folderOf(file)] === undefined)).toEqual([]);
    const allowed = Object.entries(folders).flatMap(([from, list]) => list.map((to) => ({ from, to })));
    expect(cycleIn(allowed)).toBeUndefined();
  });

  it("begin with a comment that says what they do", () => {
    const withoutHeader = [...sources]
      .filter(([, text]) => !/^(\/\/ |\/\*\*)/.test(text))
      .map(([file]) => file);
    expect(withoutHeader).toEqual([]);
  });

  it("lie in at most 12 entries at the top of src/client", () => {
    const entries = [...sources.keys()].filter((file) => file.startsWith("src/client/"));
    expect(new Set(entries.map((file) => file.split("/")[2])).size).toBeLessThanOrEqual(12);
  });
});

describe("a tree with a planted fault", () => {
  const sound = {
    "protocol/index.ts": 'export { E } from "./errors.js";',
    "protocol/errors.ts": "export class E {}",
    "src/runtime/runtime.ts": 'import type { T } from "./transport.js"; export type R = T;',
    "src/runtime/transport.ts": "export type T = 1;",
    "src/stats/counters.ts": "export const count = 0;",
    "src/buffer/inbox.ts": "export const inbox = [];",
    "src/connection/socket.ts": 'import { E } from "../../protocol/index.js"; export { E };',
    "src/client/sending/sender.ts": "export const sender = 1;",
    "src/client/receiving/decoder.ts": "export const decoder = 1;",
    "src/client/client.ts":
      'import { E } from "../connection/socket.js"; import "../stats/counters.js"; export { E };',
    "src/index.ts": 'export * from "./client/client.js";',
  };
  const faultsWith = (file: string, text: string): string[] =>
    faultsIn(new Map(Object.entries({ ...sound, [file]: text })));

  it("has no fault before one is planted", () => {
    expect(faultsIn(new Map(Object.entries(sound)))).toEqual([]);
  });

  it.each([
    ["upwards, of a value", "src/connection/socket.ts", 'import "../client/client.js";', "is not allowed"],
    [
      "upwards, of a type",
      "src/connection/socket.ts",
      'import type { E } from "../client/client.js";',
      "is not allowed",
    ],
    [
      "upwards, out of protocol",
      "protocol/errors.ts",
      'export * from "../src/client/client.js";',
      "is not allowed",
    ],
    [
      "upwards, by import()",
      "src/stats/counters.ts",
      'await import("../client/client.js");',
      "is not allowed",
    ],
    [
      "upwards, by a type query",
      "src/stats/counters.ts",
      'let e: import("../index.js").E;',
      "is not allowed",
    ],
    [
      "of a neighbour",
      "src/stats/counters.ts",
      'import { inbox } from "../buffer/inbox.js";',
      "is not allowed",
    ],
    [
      "of a neighbour in the client",
      "src/client/sending/sender.ts",
      'import "../receiving/decoder.js";',
      "is not allowed",
    ],
    [
      "from a folder to its parent",
      "src/client/sending/sender.ts",
      'import "../client.js";',
      "is not allowed",
    ],
    [
      "that does not use the entry point",
      "src/connection/socket.ts",
      'import { E } from "../../protocol/errors.js";',
      "entry point",
    ],
    ["of a missing file", "src/connection/socket.ts", 'import "./lost.js";', "does not exist"],
    ["in an unknown folder", "src/attic/box.ts", 'import "../index.js";', "does not contain"],
    ["in a cycle of two files", "protocol/errors.ts", 'import "./index.js";', "is a cycle"],
    [
      "in a cycle of types",
      "src/runtime/transport.ts",
      'import type { R } from "./runtime.js"; export type T = R;',
      "is a cycle",
    ],
    ["of the file itself", "src/stats/counters.ts", 'import type { C } from "./counters.js";', "is a cycle"],
  ])("fails on an import %s", (_, file, text, fault) => {
    expect(faultsWith(file, text).join("\n")).toContain(fault);
  });
});
