// Runs the migration programs in an empty project with the packed package only, and compares their output with the pages.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

const run = promisify(execFile);
const { installed, project } = inject("packed");

/** The page of each kind of program, by the first part of its file name. */
const pages: Readonly<Record<string, string>> = {
  ws: "from-ws.md",
  reconnecting: "from-reconnecting-websocket.md",
  undici: "from-undici.md",
  python: "from-python.md",
};

/** These programs need other packages. */
const withOtherPackages = ["ws-before.mjs", "reconnecting-before.mjs"];
const source = join(installed, "examples/migration");
const programs = readdirSync(source).filter((file) => !withOtherPackages.includes(file));

describe("the migration programs in an empty project", () => {
  const folder = join(project, "migration");
  let playground: ChildProcess;
  let url: string;

  beforeAll(async () => {
    mkdirSync(folder);
    for (const file of programs) copyFileSync(join(source, file), join(folder, file));
    const file = join(installed, "examples/playground.mjs");
    playground = spawn(process.execPath, [file, "0"], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    [{ url }] = (await once(playground, "message")) as [{ readonly url: string }];
  });

  afterAll(async () => {
    playground.disconnect();
    await once(playground, "exit");
  });

  it("exist for each page, before and after the migration", () => {
    const kinds = readdirSync(source).map((file) => file.replace(/-\w+\.mjs$/, ""));
    expect([...new Set(kinds)].sort()).toEqual(Object.keys(pages).sort());
    expect(programs).toContain("ws-after.mjs");
    expect(programs).toContain("undici-before.mjs");
  });

  it.each(programs)("run and print the output of their page: %s", async (file) => {
    const page = await readFile(join(installed, "docs", pages[file.split("-")[0]!]!), "utf8");
    const [, output] = /^```text\n(.*?)^```$/ms.exec(page)!;
    // Node 20 has the built-in class only with this flag, and prints a warning.
    const flags = file === "undici-before.mjs" ? ["--experimental-websocket", "--no-warnings"] : [];
    const env = { ...process.env, PLAYGROUND: url };
    const { stdout, stderr } = await run(process.execPath, [...flags, file], { cwd: folder, env });
    expect({ stdout, stderr }).toEqual({ stdout: output, stderr: "" });
  });
});
