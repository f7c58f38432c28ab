// Finds the programs and files that fetch.sh has installed, or that the machine has. It installs nothing.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const extracted = fileURLToPath(new URL(".debian/root", import.meta.url));

/**
 * Returns the first of the given absolute paths that exists, below the folder of fetch.sh or on the machine.
 *
 * @throws Error if there is none, so a missing proxy fails the tests.
 */
export function findInstalled(...paths: readonly string[]): string {
  const found = [extracted, "/"].flatMap((root) => paths.map((path) => join(root, path))).find(existsSync);
  if (found !== undefined) return found;
  const what = paths.join(" or ");
  throw new Error(`There is no ${what}: delete test/proxies/.debian, and run test/proxies/fetch.sh.`);
}

/** The environment of the programs. It has no variable that names a proxy. */
export function environment(): Record<string, string> {
  const libraries = join(extracted, "usr/lib");
  const folders = existsSync(libraries)
    ? readdirSync(libraries).filter((name) => name.includes("-linux-"))
    : [];
  return {
    PATH: process.env["PATH"] ?? "",
    LD_LIBRARY_PATH: folders.map((name) => join(libraries, name)).join(":"),
    // A name that does not exist is reported at once, also where no DNS server answers.
    RES_OPTIONS: "timeout:1 attempts:1",
  };
}
