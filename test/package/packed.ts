// Packs the package once and installs it in an empty project, for the tests of this folder.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    packed: Packed;
  }
}

/** The package as a user installs it: packed, and installed in an empty project. */
export interface Packed {
  readonly tarball: string;
  /** Paths in the tarball, without the leading `package/`. */
  readonly files: readonly string[];
  /** The folder of the project in which it is installed. */
  readonly project: string;
  /** The folder of the installed package, below `node_modules`. */
  readonly installed: string;
}

const run = promisify(execFile);

/** The folder of this repository. */
export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Runs npm in `folder` without the environment variables of an outer npm. */
export async function npm(folder: string, ...args: readonly string[]): Promise<string> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)_/.test(name)),
  );
  const { stdout } = await run("npm", [...args], { cwd: folder, env, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

/** Creates an empty project in a temporary folder. */
export async function makeProject(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `jetsocket-${name}-`));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  return folder;
}

export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(join(root, "dist/index.js")))
    throw new Error("There is no dist/: run `npm run build` first.");
  const project = await makeProject("user");
  const store = join(project, "packed");
  await mkdir(store);
  const answer = await npm(root, "pack", "--json", "--ignore-scripts", "--pack-destination", store);
  const [pack] = JSON.parse(answer) as [{ filename: string; files: { path: string }[] }];
  const tarball = join(store, pack.filename);
  await npm(project, "install", "--offline", "--no-audit", "--no-fund", tarball);
  provide("packed", {
    tarball,
    files: pack.files.map((file) => file.path),
    project,
    installed: join(project, "node_modules/jetsocket"),
  });
  return () => rm(project, { recursive: true, force: true });
}
