// Builds the package for tests that run it in a process of its own. It does not check types.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";

const root = join(import.meta.dirname, "../..");

/** Writes the package as JavaScript into `folder`, file by file, for a plain Node process. */
export function transpilePackage(folder: string): void {
  buildSync({
    absWorkingDir: root,
    entryPoints: ["src/**/*.ts", "protocol/**/*.ts"],
    outdir: folder,
    outbase: root,
    format: "esm",
    target: "node20",
  });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
}
