// Bundles a program that uses the package, by esbuild, rollup and webpack as the guide describes, and runs each bundle. A
// bundle contains the whole package and only modules of Node remain outside. It also runs the guide's test with jest.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const modules = fileURLToPath(new URL("programs/node_modules", import.meta.url));
const require = createRequire(join(modules, "package.json"));

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

/** Each bundler bundles program.mjs of the project into dist/NAME.mjs, as docs/recipes.md says. */
const bundlers = {
  async esbuild(project) {
    const page = await readFile(join(project, "node_modules/jetsocket/docs/recipes.md"), "utf8");
    const [, args] = /^npx esbuild (.*)$/m.exec(page);
    await run(join(modules, ".bin/esbuild"), args.split(" "), { cwd: project });
  },
  async rollup(project) {
    await run(join(modules, ".bin/rollup"), ["--config"], { cwd: project });
  },
  // The command `webpack` needs one more package.
  async webpack(project) {
    const { default: configuration } = await import(join(project, "webpack.config.mjs"));
    const output = { ...configuration.output, path: join(project, "dist") };
    const stats = await promisify(require("webpack"))({ ...configuration, context: project, output });
    if (stats.hasErrors()) throw new Error(stats.toString());
  },
};

async function runJest(project) {
  const args = ["--experimental-vm-modules", join(modules, "jest/bin/jest.js"), "jest.test.mjs"];
  const { stderr } = await run(process.execPath, args, { cwd: project, timeout: 60_000 });
  if (!stderr.includes("1 passed")) throw new Error(`printed ${JSON.stringify(stderr)}`);
}

/**
 * Bundles and runs the program in a project in which the package is installed, and runs the test with jest.
 *
 * @param {string} project
 * @returns {Promise<{ name: string, error: string | undefined }[]>}
 */
export async function runBundles(project) {
  await writeFile(join(project, "program.mjs"), program);
  const recipes = join(project, "node_modules/jetsocket/examples/recipes");
  for (const file of ["rollup.config.mjs", "webpack.config.mjs", "follow.mjs", "jest.test.mjs"])
    await cp(join(recipes, file), join(project, file));
  for (const name of ["@jest", "@rollup"])
    await symlink(join(modules, name), join(project, "node_modules", name));
  // In this folder, the package is not installed, so a bundle that does not contain the package fails.
  const folder = await mkdtemp(join(tmpdir(), "jetsocket-bundles-"));
  const checks = Object.entries(bundlers).map(([name, bundle]) => [
    name,
    async () => {
      await bundle(project);
      const file = join(folder, `${name}.mjs`);
      await cp(join(project, `dist/${name}.mjs`), file);
      const { stdout } = await run(process.execPath, [file], { timeout: 20_000 });
      if (stdout !== expected) throw new Error(`printed ${JSON.stringify(stdout)}`);
    },
  ]);
  const results = [];
  for (const [name, check] of [...checks, ["jest", () => runJest(project)]]) {
    const error = await check().then(
      () => undefined,
      (thrown) => String(thrown?.message ?? thrown),
    );
    results.push({ name, error });
  }
  await rm(folder, { recursive: true, force: true });
  return results;
}
