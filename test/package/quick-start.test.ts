// Runs the README's quick start and the examples from the installed package.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

const run = promisify(execFile);
const { files, installed, project } = inject("packed");

/** Servers for the other programs. They do not exit by themselves. */
const servers = ["embedded-server.mjs", "playground.mjs"];
const programs = readdirSync(join(installed, "examples")).filter(
  (file) => file.endsWith(".mjs") && !servers.includes(file),
);

describe("the installed package without the repository", () => {
  let playground: ChildProcess;
  let host: string;

  beforeAll(async () => {
    // As in the README, but on a free port.
    const file = "node_modules/jetsocket/examples/playground.mjs";
    const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
    playground = spawn(process.execPath, [file, "0"], { cwd: project, stdio: [...stdio] });
    const [message] = (await once(playground, "message")) as [{ readonly url: string }];
    ({ host } = new URL(message.url));
  });

  afterAll(async () => {
    playground.disconnect();
    await once(playground, "exit");
  });

  it("runs the quick start of its README and prints the output shown there", async () => {
    const readme = await readFile(join(installed, "README.md"), "utf8");
    const [, quickStart] = readme.split(/^## Quick start$/m);
    expect(quickStart).toContain("node node_modules/jetsocket/examples/playground.mjs");
    const [, code, output] = /^```js\n(.*?)^```\n\n```text\n(.*?)^```/ms.exec(quickStart!)!;
    await writeFile(join(project, "quick-start.mjs"), code!.replaceAll("127.0.0.1:8080", host));
    const { stdout, stderr } = await run(process.execPath, ["quick-start.mjs"], { cwd: project });
    expect({ stdout, stderr }).toEqual({ stdout: output, stderr: "" });
  });

  it.each([...programs, "market-feed/main.mjs"])("runs its example %s", async (file) => {
    const args = file === "market-feed/main.mjs" ? ["--trades", "1000"] : [];
    const path = join("node_modules/jetsocket/examples", file);
    const { stdout, stderr } = await run(process.execPath, [path, ...args], { cwd: project });
    expect(stderr).toBe("");
    expect(stdout).not.toBe("");
  });

  it("contains its examples and its guide, and no other folder of the repository", () => {
    const folders = new Set(files.map((file) => (file.includes("/") ? file.split("/")[0] : file)));
    expect([...folders].sort()).toEqual(
      ["CHANGELOG.md", "LICENSE", "README.md", "dist", "docs", "examples", "package.json"].sort(),
    );
  });
});
