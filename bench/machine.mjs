// Describes the machine and the measured packages.
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { execFileSync } from "node:child_process";
import { clients, nodeOf } from "./clients/index.mjs";

/** Describes Node and the machine in one line. */
export function machine() {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const processors = `${cpus().length} x ${cpus()[0]?.model.trim()}`;
  return `Node ${process.version}, ${type()} ${release()}, ${processors}, ${memory} GiB`;
}

/** Names the measured packages with their versions. @param {readonly string[]} names - Names of clients. */
export function versions(names) {
  const root = new URL("../", import.meta.url);
  const packages = ["ws", "bufferutil", "undici", "websocket"].map(
    (name) => `${name} ${versionIn(new URL(`bench/node_modules/${name}/package.json`, root))}`,
  );
  const nodes = names
    .filter((name) => clients[name].node !== undefined)
    .map((name) => `${name} ${execFileSync(nodeOf(name), ["-v"], { encoding: "utf8" }).trim()}`);
  return [`jetsocket ${versionIn(new URL("package.json", root))}`, ...packages, ...nodes].join(", ");
}

function versionIn(file) {
  return JSON.parse(readFileSync(file, "utf8")).version;
}
