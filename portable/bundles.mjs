// Bundles a program that uses the package, by esbuild, rollup and webpack, and runs each bundle. A bundle contains the
// whole package and only modules of Node remain outside.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { builtinModules, createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const require = createRequire(fileURLToPath(new URL("programs/package.json", import.meta.url)));

/** Sends a text that is compressed, and prints the echo of a server in the same program. */
const program = `
import { createServer } from "node:net";
import { randomFillSync } from "node:crypto";
import { connect } from "jetsocket";
import { deflateAcceptor, ProtocolConnection, Resources, ServerHandshake } from "jetsocket/protocol";

const resources = new Resources({ fillRandom: randomFillSync });
const server = createServer((socket) => {
  const handshake = new ServerHandshake();
  let connection;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if (connection === undefined) {
      const request = handshake.receive(chunk);
      if (request === undefined) return;
      const { response, extension } = handshake.accept({ acceptors: [deflateAcceptor({})] });
      socket.write(response);
      const handler = {
        onMessage: (data) => connection.text(String(data)),
        onPing() {}, onPong() {}, onClose() {}, onFailure() {}, onEnd() {},
      };
      connection = new ProtocolConnection({ role: "server", handler, resources, extension });
      return;
    }
    connection.receive(chunk);
    for (let bytes = connection.take(); bytes !== undefined; bytes = connection.take()) {
      socket.write(Buffer.from(bytes));
      connection.written();
    }
  });
});
server.listen(0, "127.0.0.1", async () => {
  const ws = await connect("ws://127.0.0.1:" + server.address().port, { reconnect: false });
  await ws.send("bundled ".repeat(100));
  console.log((await ws.recv()).length, ws.extensions);
  await ws.close();
  server.close();
});
`;
const expected = "800 permessage-deflate\n";
const external = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)];

const bundlers = {
  async esbuild(entry, outfile) {
    await require("esbuild").build({
      ...{ entryPoints: [entry], outfile, bundle: true, minify: true },
      ...{ format: "esm", platform: "node", target: "node20" },
    });
  },
  async rollup(entry, file) {
    const { nodeResolve } = require("@rollup/plugin-node-resolve");
    const bundle = await require("rollup").rollup({ input: entry, external, plugins: [nodeResolve()] });
    await bundle.write({ file, format: "es" });
    await bundle.close();
  },
  async webpack(entry, file) {
    const [folder, filename] = [join(file, ".."), file.slice(file.lastIndexOf("/") + 1)];
    const configuration = {
      ...{ entry, target: "node20", mode: "production", experiments: { outputModule: true } },
      output: { path: folder, filename, module: true, chunkFormat: "module" },
    };
    const stats = await promisify(require("webpack"))(configuration);
    if (stats.hasErrors()) throw new Error(stats.toString());
  },
};

/**
 * Bundles and runs the program in a project in which the package is installed.
 *
 * @param {string} project
 * @returns {Promise<{ name: string, error: string | undefined }[]>}
 */
export async function runBundles(project) {
  const entry = join(project, "program.mjs");
  await writeFile(entry, program);
  // In this folder, the package is not installed, so a bundle that does not contain the package fails.
  const folder = await mkdtemp(join(tmpdir(), "jetsocket-bundles-"));
  const results = [];
  for (const [name, bundle] of Object.entries(bundlers)) {
    const file = join(folder, `${name}.mjs`);
    let error;
    try {
      await bundle(entry, file);
      const { stdout } = await run(process.execPath, [file], { timeout: 20_000 });
      if (stdout !== expected) error = `printed ${JSON.stringify(stdout)}`;
    } catch (thrown) {
      error = String(thrown?.message ?? thrown);
    }
    results.push({ name, error });
  }
  await rm(folder, { recursive: true, force: true });
  return results;
}
