// Checks package.json, the list of packed files and the lock file.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { root } from "./packed.js";

interface Manifest {
  readonly [key: string]: unknown;
  readonly scripts?: Record<string, string>;
}

const { files, installed, project } = inject("packed");

const kindsOfDependency = [
  "dependencies",
  "peerDependencies",
  "optionalDependencies",
  "bundleDependencies",
  "bundledDependencies",
];

/** The scripts that npm runs for an installed package, also for one that is installed from a Git repository. */
const installScript = /^(?:(?:pre|post)?(?:install|uninstall|prepare|pack)|prepublish|dependencies)$/;

async function manifestIn(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
}

describe("the package", () => {
  it.each(kindsOfDependency)("has no %s, in the repository and as packed", async (kind) => {
    expect(await manifestIn(root)).not.toHaveProperty(kind);
    expect(await manifestIn(installed)).not.toHaveProperty(kind);
  });

  it("installs no other package", async () => {
    const modules = await readdir(join(project, "node_modules"));
    expect(modules.filter((name) => !name.startsWith("."))).toEqual(["jetsocket"]);
  });

  it.each([
    ["the repository", root],
    ["the package", installed],
  ])("has no script that npm runs on installation, in %s", async (_, folder) => {
    const manifest = await manifestIn(folder);
    expect(Object.keys(manifest.scripts ?? {}).filter((name) => installScript.test(name))).toEqual([]);
    expect(manifest).not.toHaveProperty("gypfile");
  });

  it("is installed without dependencies and scripts, by the record of npm", async () => {
    const path = join(project, "node_modules/.package-lock.json");
    const { packages } = JSON.parse(await readFile(path, "utf8")) as { packages: Record<string, Manifest> };
    expect(Object.keys(packages)).toEqual(["node_modules/jetsocket"]);
    const names = Object.keys(packages["node_modules/jetsocket"]!).sort();
    expect(names).toEqual(["engines", "integrity", "license", "resolved", "version"]);
  });

  it("contains only the build output, guide, examples, README, license and changelog", () => {
    const outside = files.filter((path) => !/^(dist|docs|examples)\//.test(path));
    expect(outside.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
    const inside = files.filter((path) => /^(docs|examples)\//.test(path));
    expect(inside.filter((path) => !/\.(md|mjs)$/.test(path))).toEqual([]);
  });

  it("has no repository field until the repository has a public address", async () => {
    const manifest = await manifestIn(installed);
    expect(manifest).not.toHaveProperty("repository");
    expect(manifest).not.toHaveProperty("bugs");
  });

  it("pins each development dependency to one version", async () => {
    const { devDependencies } = await manifestIn(root);
    const versions = Object.values(devDependencies as Record<string, string>);
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it("has a lock file that names no registry", async () => {
    expect(await readFile(join(root, "package-lock.json"), "utf8")).not.toContain('"resolved": "http');
  });
});
