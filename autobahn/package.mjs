/** Packs the package and installs the tarball into an empty folder, as a user would. */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runToEnd } from "./child.mjs";

const HERE = import.meta.dirname;
const ROOT = join(HERE, "..");
const NPM_LIMIT_MS = 120_000;

/**
 * @param {string} folder a folder of the run
 * @param {string | undefined} tarball an existing tarball; default: pack the package now
 * @returns {Promise<{ folder: string, file: string, version: string }>}
 */
export async function installPackage(folder, tarball) {
  const home = join(folder, "testee");
  await mkdir(home);
  await writeFile(join(home, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const packed = tarball ?? (await pack(folder));
  // Offline: only the tarball is installed.
  const options = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  await npm(["install", ...options, packed], home);

  const names = readdirSync(join(home, "node_modules")).filter((name) => !name.startsWith("."));
  if (tarball === undefined && names.join() !== "jetsocket") {
    throw new Error(`installing the tarball installed other packages too: ${names.join(", ")}`);
  }
  for (const file of ["testee.mjs", "testee-clients.mjs"]) await copyFile(join(HERE, file), join(home, file));
  const manifest = await readFile(join(home, "node_modules", "jetsocket", "package.json"), "utf8");
  return { folder: home, file: join(home, "testee.mjs"), version: JSON.parse(manifest).version };
}

/** @param {string} folder */
async function pack(folder) {
  if (!existsSync(join(ROOT, "dist"))) throw new Error("there is no dist/: run `npm run build` first");
  await npm(["pack", "--ignore-scripts", "--pack-destination", folder], ROOT);
  const [file] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  if (file === undefined) throw new Error("`npm pack` wrote no tarball");
  return join(folder, file);
}

/**
 * @param {readonly string[]} commandArguments
 * @param {string} cwd
 */
async function npm(commandArguments, cwd) {
  const { succeeded, how, output } = await runToEnd("npm", commandArguments, { cwd, limitMs: NPM_LIMIT_MS });
  if (!succeeded) throw new Error(`npm ${commandArguments[0]} ${how}\n${output}`);
}
