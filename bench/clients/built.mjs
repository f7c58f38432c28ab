import { readFile } from "node:fs/promises";
import { packageVariable } from "../snapshot.mjs";

/**
 * The package as built, by the door that an import goes through.
 *
 * @param {string} door - Of `exports` in package.json.
 * @returns {Promise<string>} What to import.
 */
export async function builtEntry(door) {
  const root = process.env[packageVariable];
  const { exports } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
  return new URL(exports[door].import.default, root).href;
}
