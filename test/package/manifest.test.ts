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

async function manifestIn(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
}

describe("the package", () => {
  it.each(kindsOfDependency)("has no %s, in the repository and as packed", async (kind) => {
    expect(await manifestIn(root)).not.toHaveProperty(kind);
    expect(await manifestIn(installed)).not.toHaveProperty(kind);
  });

  it("brings nothing with it", async () => {
    const modules = await readdir(join(project, "node_modules"));
    expect(modules.filter((name) => !name.startsWith("."))).toEqual(["jetsocket"]);
  });

  it("runs no script where it is installed", async () => {
    const scripts = Object.keys((await manifestIn(installed)).scripts ?? {});
    expect(scripts.filter((name) => /^(pre|post)?(install|uninstall)$/.test(name))).toEqual([]);
  });

  it("holds what was built, its guide and its examples, its README, licence and changes, and nothing else", () => {
    const outside = files.filter((path) => !/^(dist|docs|examples)\//.test(path));
    expect(outside.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
    const inside = files.filter((path) => /^(docs|examples)\//.test(path));
    expect(inside.filter((path) => !/\.(md|mjs)$/.test(path))).toEqual([]);
  });

  it("names no repository as long as there is no address", async () => {
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
