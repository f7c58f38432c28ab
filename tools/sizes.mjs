// Measures the size of each entry point in a program: bundled by esbuild into one file, minified, gzip, in bytes.
// Fails if one is more than 1 % larger than in sizes.json. `--record` writes sizes.json.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const { values } = parseArgs({
  options: {
    dist: { type: "string", default: fileURLToPath(new URL("../dist", import.meta.url)) },
    recorded: { type: "string", default: fileURLToPath(new URL("sizes.json", import.meta.url)) },
    record: { type: "boolean", default: false },
  },
});

/** One program per entry point, by its name in `sizes.json`. */
const programs = {
  "{ connect }": 'export { connect } from "./index.js";',
  "jetsocket/ws": 'export { WebSocket as default } from "./ws.js";',
  "jetsocket/protocol": 'export * from "./protocol.js";',
  "{ WebSocket } of jetsocket/whatwg": 'export { WebSocket } from "./whatwg.js";',
  "jetsocket/testing": 'export * from "./testing.js";',
  "jetsocket/channels": 'export * from "./channels.js";',
  "jetsocket/pool": 'export * from "./pool.js";',
  "jetsocket/presets": 'export * from "./presets.js";',
};
/** Entry points that are built on the client. Their sizes do not include the client. */
const builtOnClient = ["jetsocket/channels", "jetsocket/pool", "jetsocket/presets"];
const allowedGrowth = 1.01;

/** @param {string} program @param {readonly string[]} external @returns {Promise<number>} Bytes after gzip. */
async function sizeOf(program, external) {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: values.dist },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node20",
    write: false,
    external: [...external],
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const sizes = {};
for (const [name, program] of Object.entries(programs))
  sizes[name] = await sizeOf(program, builtOnClient.includes(name) ? ["./index.js", "./protocol.js"] : []);

if (values.record) {
  writeFileSync(values.recorded, `${JSON.stringify(sizes, undefined, 2)}\n`);
} else {
  const recorded = JSON.parse(readFileSync(values.recorded, "utf8"));
  for (const [name, size] of Object.entries(sizes)) {
    const limit = Math.floor((recorded[name] ?? 0) * allowedGrowth);
    const isSmallEnough = size <= limit;
    console.log(
      `${isSmallEnough ? "ok  " : "FAIL"} ${name}: ${size} bytes; recorded ${recorded[name] ?? "nothing"}, at most ${limit}`,
    );
    if (!isSmallEnough) process.exitCode = 1;
  }
  if (process.exitCode === 1) {
    console.error(
      "An entry point has grown by more than 1 %. Make it smaller, or run `npm run size -- --record` and commit sizes.json.",
    );
  }
}
