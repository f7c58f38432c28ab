// Runs the programs of the pages about migration, before and after it, against one server, and compares their output.
// `npm run interop:clients` runs the program of reconnecting-websocket before the migration, which needs this package.
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it, vi } from "vitest";
import { WebSocket } from "../../src/index.js";
import { root, startProgram, startServer } from "./run-program.js";
import { readPage } from "./snippets.js";

interface Migration {
  /** The programs before the migration that can run here. */
  readonly before: readonly string[];
  /** The programs that need packages of `interop/clients`. */
  readonly beforeElsewhere?: readonly string[];
  readonly after: readonly string[];
}

const migrations: Readonly<Record<string, Migration>> = {
  "from-ws": { before: ["ws-before"], after: ["ws-after", "ws-core"] },
  "from-reconnecting-websocket": {
    before: [],
    beforeElsewhere: ["reconnecting-before"],
    after: ["reconnecting-after", "reconnecting-core"],
  },
  "from-undici": { before: ["undici-before"], after: ["undici-after", "undici-core"] },
  "from-python": { before: [], after: ["python-after"] },
};

const programs = Object.entries(migrations).flatMap(([page, { before, beforeElsewhere = [], after }]) => [
  ...[...before, ...beforeElsewhere].map((name) => ({ page, name, fence: "javascript" })),
  ...after.map((name) => ({ page, name, fence: "js" })),
]);

const runnable = Object.entries(migrations).flatMap(([page, { before, after }]) =>
  [...before, ...after].map((name) => ({ page, name })),
);

/** Returns the outputs that a page shows. They are the same for all its programs. */
function outputsOf(page: string): string[] {
  return [...readPage(`docs/${page}.md`).matchAll(/^```text\n(.*?)^```$/gms)].map(([, output]) => output!);
}

describe("the migration programs", () => {
  it("are all listed in this test", async () => {
    const files = await readdir(`${root}/examples/migration`);
    expect(programs.map(({ name }) => `${name}.mjs`).sort()).toEqual(files.sort());
  });

  it.each(programs)("$name is shown on its page as it is", async ({ page, name, fence }) => {
    const program = await readFile(`${root}/examples/migration/${name}.mjs`, "utf8");
    expect(readPage(`docs/${page}.md`)).toContain(`\n\`\`\`${fence}\n${program}\`\`\`\n`);
  });

  it.each(Object.entries(migrations))("of one page have one output: %s", (page, { after }) => {
    const outputs = outputsOf(page);
    expect(outputs).toHaveLength(after.length);
    expect(new Set(outputs).size).toBe(1);
  });

  it.each(runnable)("$name prints the output of its page and exits", async ({ page, name }) => {
    const { url } = await startServer("examples/playground.mjs", "0");
    vi.stubEnv("PLAYGROUND", url);
    // Node 20 has the built-in class only with this flag, and prints a warning.
    if (name === "undici-before") vi.stubEnv("NODE_OPTIONS", "--experimental-websocket --no-warnings");
    const { end, stdout, stderr } = await startProgram(`examples/migration/${name}.mjs`).outcome.finally(() =>
      vi.unstubAllEnvs(),
    );
    expect({ end, stdout, stderr }).toEqual({ end: 0, stdout: outputsOf(page)[0], stderr: "" });
  });

  it("start with the same program before and after a changed import", async () => {
    const read = (name: string): Promise<string> =>
      readFile(`${root}/examples/migration/${name}.mjs`, "utf8");
    const body = (program: string): string => program.slice(program.indexOf("const server"));
    for (const name of ["ws", "undici"])
      expect(body(await read(`${name}-after`))).toBe(body(await read(`${name}-before`)));
    // The class needs no other class for its connections.
    expect(body(await read("reconnecting-after"))).toBe(
      body(await read("reconnecting-before")).replace("  WebSocket,\n", ""),
    );
  });
});

/** The column of the table of options that contains options of `jetsocket`, by page. */
const optionColumns: Readonly<Record<string, number>> = {
  "from-ws": 2,
  "from-reconnecting-websocket": 2,
  "from-undici": 3,
  "from-python": 2,
};
/** What these columns contain besides options. */
const others = ["jetsocket", "new", "connect", "WebSocket"];

function knownOptions(): string[] {
  let message = "";
  try {
    new WebSocket("ws://127.0.0.1", JSON.parse('{ "noSuchOption": 1 }') as object);
  } catch (error) {
    message = (error as Error).message;
  }
  return /Known options: (.*)\.$/.exec(message)![1]!.split(", ");
}

describe("the tables of options", () => {
  it.each(Object.entries(optionColumns))("name options that exist: %s", (page, column) => {
    const [, section] = readPage(`docs/${page}.md`).split(/^## Options$/m);
    const cells = section!
      .split(/^## /m)[0]!
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .map((line) => line.split(/(?<!\\)\|/)[column]!);
    const names = cells.flatMap((cell) => [...cell.matchAll(/`([a-zA-Z]+)[^`]*`/g)].map(([, name]) => name!));
    const known = knownOptions();
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !known.includes(name) && !others.includes(name))).toEqual([]);
  });
});
