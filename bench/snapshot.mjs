// Copies the package under test, so that a later build does not change a running measurement.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Environment variable with the URL of the package's folder, for the processes of a run. */
export const packageVariable = "JETSOCKET_BENCH_PACKAGE";

/**
 * Copies the built package. The copy is deleted when this process exits.
 *
 * @param {string} folder - Folder of a package with `dist/`.
 * @returns The environment variables of a process that uses the copy.
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
