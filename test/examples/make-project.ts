// Creates a project in a temporary folder, for programs that import this package by its name.
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { root } from "./run-program.js";

/** Creates a project in which this package and some development dependencies are installed, until the test ends. */
export async function makeProject(dependencies: readonly string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "jetsocket-pages-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const modules = join(folder, "node_modules");
  await mkdir(modules);
  await symlink(root, join(modules, "jetsocket"), "junction");
  for (const name of dependencies)
    await symlink(join(root, "node_modules", name), join(modules, name), "junction");
  return folder;
}
