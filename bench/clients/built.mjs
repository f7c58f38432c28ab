// Finds the entry points of the built package under test.
import { readFile } from "node:fs/promises";
import { packageVariable } from "../snapshot.mjs";

/**
 * Returns the file of an entry point of the built package.
 *
 * @param {string} entry - Key of `exports` in package.json.
 * @returns {Promise<string>} What to import.
 */
export async function builtEntry(entry) {
  const root = process.env[packageVariable];
  const { exports } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
  return new URL(exports[entry].import.default, root).href;
}
