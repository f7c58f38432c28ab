import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Names the folder of the package to the processes of a run. */
export const packageVariable = "JETSOCKET_BENCH_PACKAGE";

/**
 * Copies the package as built, until this process ends, so that a build meanwhile does not change what a run measures.
 *
 * @param {string} folder - Of a package, with `dist/`.
 * @returns The environment of a process that is to use the copy.
 */
export function takeSnapshot(folder) {
  const copy = mkdtempSync(join(tmpdir(), "jetsocket-bench-"));
  process.on("exit", () => rmSync(copy, { recursive: true }));
  try {
    for (const name of ["package.json", "dist"]) {
      cpSync(join(folder, name), join(copy, name), { recursive: true, dereference: true });
    }
  } catch (error) {
    throw new Error(`${folder} has no built package: run \`npm run build\` there first`, { cause: error });
  }
  return { [packageVariable]: pathToFileURL(`${copy}/`).href };
}
