// Compiles and runs the code blocks of the documentation, and checks its links and its tables of names.
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { WebSocket } from "../../src/index.js";
import { makeProject } from "./make-project.js";
import { type Outcome, root, startProgram, startServer } from "./run-program.js";
import { namesInTable, pages, readPage, type Snippet, snippetsOf } from "./snippets.js";

function fileOf({ place, language }: Snippet): string {
  return `${place.replace(/[^\w]+/g, "-")}.m${language}`;
}

/** Imports the snippets one after another; each import resolves when its snippet has finished. */
const runner = `
for (const file of process.argv.slice(2)) {
  console.log("\\u0001" + file);
  await import("./" + file);
}
`;

/** Runs snippets against a new playground server and returns the output of each. */
async function run(snippets: readonly Snippet[]): Promise<{ outcome: Outcome; printed: string[] }> {
  const { url } = await startServer("examples/playground.mjs", "0");
  const { host, port } = new URL(url);
  const folder = await makeProject();
  await writeFile(join(folder, "run.mjs"), runner);
  for (const snippet of snippets) {
    const code = snippet.code.replaceAll("127.0.0.1:8080", host).replaceAll("(8080,", `(${port},`);
    await writeFile(join(folder, fileOf(snippet)), code);
  }
  const outcome = await startProgram(join(folder, "run.mjs"), ...snippets.map(fileOf)).outcome;
  const [, ...parts] = outcome.stdout.replaceAll(host, "127.0.0.1:8080").split("\u0001");
  return { outcome, printed: parts.map((part) => part.slice(part.indexOf("\n") + 1)) };
}

/** All pages except the table of contents and the pages for maintainers. */
const pagesWithPrograms = pages.filter(
  (page) => page !== "docs/README.md" && !page.startsWith("docs/design/"),
);

describe("the snippets", () => {
  it.each(pagesWithPrograms)("run and print the output that their page shows: %s", async (page) => {
    const snippets = snippetsOf(page).filter(({ language }) => language === "js");
    expect(snippets).not.toEqual([]);
    const { outcome, printed } = await run(snippets);
    expect(outcome).toMatchObject({ end: 0, stderr: "" });
    const said = snippets.map(({ place, output }, index) => [place, output ?? printed[index]]);
    expect(snippets.map(({ place }, index) => [place, printed[index]])).toEqual(said);
    expect(printed).toHaveLength(snippets.length);
    for (const text of printed) expect(text).not.toBe("");
  });
});

describe("the pages", () => {
  it.each([...pages, "examples/README.md", "CONTRIBUTING.md", "CHANGELOG.md"])(
    "have links to existing files and headings: %s",
    (page) => {
      for (const [, target] of readPage(page).matchAll(/\]\(([^)]+)\)/g)) {
        const [path, anchor] = target!.split("#");
        if (/^https?:/.test(target!)) continue;
        const file = path === "" ? page : join(dirname(page), path!);
        expect(existsSync(join(root, file)), `${page}: ${target}`).toBe(true);
        if (anchor === undefined) continue;
        const headings = [...readPage(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
        expect(headings, `${page}: ${target}`).toContain(anchor);
      }
    },
  );
});

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

function optionNames(): string[] {
  return namesInTable("README.md", "Options");
}

/** Returns a file that compiles only if the tables of the pages have exactly the names of the types. */
function namesAsTypes(): string {
  const record = (names: readonly string[]): string => names.map((name) => `"${name}": true`).join(", ");
  return `
import type { CloseReport, EventName, Stats, Verdict, WebSocketOptions } from "jetsocket";
export const events: Record<EventName, true> = { ${record(namesInTable("README.md", "Events"))} };
export const options: Record<keyof WebSocketOptions<unknown, unknown>, true> = { ${record(optionNames())} };
export const verdicts: Record<Verdict, true> = { ${record(namesInTable("docs/closing.md", "Verdicts").filter((name) => /^[a-z-]+$/.test(name)))} };
export const stats: Record<keyof Stats, true> = { ${record(namesInTable("README.md", "Statistics"))} };
export const report: Record<keyof CloseReport, true> = { ${record(namesInTable("docs/closing.md", "The report"))} };
`;
}

describe("the code and the tables of the pages", () => {
  it(
    "compile: every snippet, the tables of names, and the example programs",
    { timeout: 60_000 },
    async () => {
      const folder = await makeProject();
      for (const snippet of pages.flatMap(snippetsOf))
        await writeFile(join(folder, fileOf(snippet)), snippet.code);
      await writeFile(join(folder, "names.mts"), namesAsTypes());
      const configuration = {
        extends: join(root, "tsconfig.json"),
        compilerOptions: {
          allowJs: true,
          checkJs: true,
          declaration: false,
          isolatedDeclarations: false,
          typeRoots: [join(root, "node_modules/@types")],
        },
        include: ["*.mjs", "*.mts", join(root, "examples/**/*.mjs")],
        // These programs need packages that are not installed here.
        exclude: [
          ...["migration/reconnecting-before.mjs", "recipes/jest.test.mjs", "recipes/rollup.config.mjs"],
        ].map((file) => join(root, "examples", file)),
      };
      await writeFile(join(folder, "tsconfig.json"), JSON.stringify(configuration));
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      const { end, stdout } = await startProgram(tsc, "-p", folder).outcome;
      expect(stdout).toBe("");
      expect(end).toBe(0);
    },
  );

  it("name every option of the constructor", () => {
    const wrong = { [Symbol.for("none").toString()]: 1 };
    let message = "";
    try {
      new WebSocket("ws://127.0.0.1", wrong);
    } catch (error) {
      message = (error as Error).message;
    }
    const [, known] = /Known options: (.*)\.$/.exec(message) ?? [];
    expect(optionNames().sort()).toEqual(known?.split(", "));
  });

  it("are those of all listed pages", async () => {
    const entries = await readdir(join(root, "docs"), { recursive: true });
    const files = entries.filter((entry) => entry.endsWith(".md"));
    expect(["README.md", ...files.map((file) => `docs/${file}`)].sort()).toEqual([...pages].sort());
  });
});
