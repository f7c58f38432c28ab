import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Parts of `dist/protocol.js` that are not to be had through its door, by a copy that has one for them.
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
