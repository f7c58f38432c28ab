// Checks that the sources run no text as a program and load only known modules of Node.
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as protocol from "../protocol/index.js";
import { importsOf, readSources } from "./support/import-graph.js";
import { knownModules, loaderUses } from "./support/known-modules.js";
import { undocumentedIn, unsafeCodeIn } from "./support/unsafe-code.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = readSources(root, ["protocol", "src"]);
const found = [...sources].map(([file, text]) => ({ file, ...unsafeCodeIn(file, text) }));

describe("the sources", () => {
  it("run no text as a program, and load a module by a computed name only in protocol/node-modules.ts", () => {
    expect(found.flatMap(({ file, uses }) => uses.map((use) => `${file}: ${use}`)).sort()).toEqual([
      ...loaderUses.map((use) => `protocol/node-modules.ts: ${use}`),
      "protocol/wasm-module.ts: WebAssembly",
      // Only the name of the class is read, for the text of an error.
      "src/client/sending/json-text.ts: the constructor of a value",
    ]);
  });

  it("load only known modules of Node, and no other package", () => {
    const modules = found.flatMap((file) => file.modules).filter((name) => !name.startsWith("."));
    expect([...new Set(modules)].sort()).toEqual(knownModules);
  });

  it("use functions that Node does not document only in two modules, which test them first", () => {
    const uses = [...sources].map(([file, text]) => [file, undocumentedIn(file, text)] as const);
    expect(Object.fromEntries(uses.filter(([, names]) => names.length > 0))).toEqual({
      "protocol/extensions/permessage-deflate/zlib-handle.ts": ["_handle", "_processChunk", "_writeState"],
      "protocol/fast-buffer.ts": ["latin1Slice", "ucs2Slice", "utf8Slice", "utf8Write"],
      // Node documents these two methods for classes that implement a stream.
      "src/ws/stream.ts": ["_final", "_write"],
    });
  });

  it("compile only the WebAssembly functions of three modules, and export no function that compiles", () => {
    const users = importsOf(sources).filter(({ to }) => to === "protocol/wasm-module.ts");
    const compiling = users
      .map(({ from }) => from)
      .filter((file) => sources.get(file)!.includes("instantiate("));
    expect(compiling.sort()).toEqual([
      "protocol/extensions/permessage-deflate/inflate-memory.ts",
      "protocol/text/wasm-utf8.ts",
      "protocol/wide-mask.ts",
    ]);
    expect(protocol).not.toHaveProperty("instantiate");
  });
});
