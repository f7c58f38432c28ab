// Gives the scripts of this folder access to parts of the built package that it does not export.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Returns parts of `dist/protocol.js` that it does not export, by importing a copy with an additional export.
 *
 * @param {...string} names
 */
export async function importInner(...names) {
  const code = readFileSync(new URL("../../dist/protocol.js", import.meta.url), "utf8");
  const folder = mkdtempSync(join(tmpdir(), "jetsocket-ideas-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  const file = join(folder, "protocol.mjs");
  writeFileSync(file, `${code}\nexport { ${names.join(", ")} };\n`);
  return import(pathToFileURL(file).href);
}
