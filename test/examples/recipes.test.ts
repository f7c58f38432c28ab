// Runs the programs of the page about recipes. `npm run portable` runs those that need rollup, webpack or jest.
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { makeProject } from "./make-project.js";
import { root, startProgram } from "./run-program.js";
import { readPage } from "./snippets.js";

const page = readPage("docs/recipes.md");

/** Creates a project with the code under test of the page, and one of its tests. */
async function makeTestProject(test: string, dependencies: readonly string[] = []): Promise<string> {
  const folder = await makeProject(dependencies);
  for (const file of ["follow.mjs", test]) await cp(join(root, "examples/recipes", file), join(folder, file));
  return folder;
}

/** A test runner must not take the environment of this one. */
function hideTestRunner(): void {
  for (const name of Object.keys(process.env))
    if (/^(?:VITEST|TEST|DEV|PROD|MODE|SSR|NODE_V8_COVERAGE|NODE_TEST_CONTEXT)/.test(name))
      vi.stubEnv(name, undefined);
}

describe("the recipes", () => {
  it("show their files as they are", async () => {
    for (const file of await readdir(join(root, "examples/recipes"))) {
      const program = await readFile(join(root, "examples/recipes", file), "utf8");
      expect(page).toContain(`\n\`\`\`javascript\n${program}\`\`\`\n`);
    }
  });

  it("have a test for the test runner of Node", async () => {
    const folder = await makeTestProject("node-runner.test.mjs");
    const { end, stdout } = await startProgram("--test", join(folder, "node-runner.test.mjs")).outcome;
    expect(stdout).toMatch(/pass 1$/m);
    expect(end).toBe(0);
  });

  it("have a test for vitest", { timeout: 60_000 }, async () => {
    const folder = await makeTestProject("vitest.test.mjs", ["vitest"]);
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    hideTestRunner();
    const { end, stdout } = await startProgram(
      vitest,
      ...["run", "--root", folder, "vitest.test.mjs"],
    ).outcome.finally(() => vi.unstubAllEnvs());
    expect(stdout.replace(/\p{Cc}\[\d+m/gu, "")).toMatch(/Tests +1 passed/);
    expect(end).toBe(0);
  });

  it("have a test that fails if the code under test does not subscribe", async () => {
    const folder = await makeTestProject("node-runner.test.mjs");
    const code = await readFile(join(folder, "follow.mjs"), "utf8");
    await writeFile(
      join(folder, "follow.mjs"),
      code.replace("onConnection:", "shouldReconnect: () => false, onConnection:"),
    );
    const { end, stdout } = await startProgram("--test", join(folder, "node-runner.test.mjs")).outcome;
    expect(stdout).toMatch(/fail 1$/m);
    expect(end).toBe(1);
  });

  it("bundle a program by the command for esbuild, which then runs without the package", async () => {
    const folder = await makeProject();
    const [, args] = /^npx esbuild (.*)$/m.exec(page)!;
    await writeFile(
      join(folder, "program.mjs"),
      'import { WebSocket } from "jetsocket";\nconsole.log(new WebSocket("ws://127.0.0.1/").state);\n',
    );
    const [entry, ...options] = args!.split(" ");
    const output = `--outfile=${join(folder, "bundle/esbuild.mjs")}`;
    const given = [join(folder, entry!), ...options.map((option) => option.replace(/^--outfile=.*/, output))];
    expect(given).toContain(output);
    const built = await startProgram("node_modules/esbuild/bin/esbuild", ...given).outcome;
    expect(built).toMatchObject({ end: 0 });
    const bundle = await readFile(join(folder, "bundle/esbuild.mjs"), "utf8");
    expect(bundle).not.toMatch(/(?:from|import\()\s*["'](?!node:)/);
    expect(await startProgram(join(folder, "bundle/esbuild.mjs")).outcome).toEqual({
      ...{ end: 0, stdout: "idle\n", stderr: "" },
    });
  });

  it("show sizes that differ by at most 10 % from the recorded sizes", async () => {
    const sizes = JSON.parse(await readFile(join(root, "tools/sizes.json"), "utf8")) as Record<
      string,
      number
    >;
    const shown = [...page.matchAll(/^\| .* \| (\d+) KB +\|$/gm)].map(([, size]) => Number(size) * 1_000);
    const names = ["{ connect }", "{ WebSocket } of jetsocket/whatwg", "jetsocket/ws", "jetsocket/protocol"];
    expect(shown).toHaveLength(names.length);
    for (const [index, name] of names.entries()) {
      expect(shown[index]! / sizes[name]!).toBeGreaterThan(0.9);
      expect(shown[index]! / sizes[name]!).toBeLessThan(1.1);
    }
  });
});
