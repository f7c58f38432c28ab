// Runs the portable suite on several runtimes against the packed package, and runs a program that bundlers have built,
// and a test with jest. The runtimes, the bundlers and jest come from npm.
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { makeCertificates } from "../interop/certificates.mjs";
import { runBundles } from "./bundles.mjs";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const isSupported = process.platform === "linux" && process.arch === "x64";

/** Each runtime: its npm packages in programs/package.json, and its command for a list of test files. */
const runtimes = {
  "Node 20": { program: () => nodeProgram("node20"), args: nodeArgs },
  "Node 22": { program: () => nodeProgram("node22"), args: nodeArgs },
  "Node 24": { program: () => nodeProgram("node24"), args: nodeArgs },
  "Node 26": { program: () => nodeProgram("node26"), args: nodeArgs },
  Bun: {
    program: () => programOf("@oven/bun-linux-x64", "bin/bun"),
    args: (files) => ["test", ...files.map((file) => `./${file}`)],
  },
  Deno: {
    program: () => programOf("@deno/linux-x64-glibc", "deno"),
    args: (files) => ["test", "--allow-all", "--no-check", "--quiet", ...files],
  },
};

/** Most skipped tests of a runtime, as a part of all tests. */
const maxSkipped = 0.05;
const minTests = 150;
/** Longest time for one runtime in milliseconds. */
const deadline = 120_000;

const { values } = parseArgs({ options: { only: { type: "string", multiple: true, default: [] } } });
if (!isSupported) throw new Error("The runtimes are installed for Linux on x64 only.");
const names = Object.keys(runtimes).filter((name) => values.only.length === 0 || values.only.includes(name));

await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: join(here, "programs") });
const project = await mkdtemp(join(tmpdir(), "jetsocket-portable-"));
try {
  await install(project);
  const rows = [];
  for (const name of names) rows.push(await runSuite(name));
  const bundles = values.only.length === 0 ? await runBundles(project) : [];
  await report(rows, bundles);
} finally {
  await rm(project, { recursive: true, force: true });
}

/** Installs the packed package, the suite and a certificate in an empty project. */
async function install(folder) {
  await writeFile(
    join(folder, "package.json"),
    '{ "name": "portable", "private": true, "type": "module" }\n',
  );
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
  });
  const [{ filename }] = Object.values(JSON.parse(stdout));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", join(folder, filename)], {
    cwd: folder,
  });
  await cp(join(here, "suite"), join(folder, "suite"), { recursive: true });
  await makeCertificates(folder);
}

async function runSuite(name) {
  const { program, args } = runtimes[name];
  const results = join(project, `${name}.jsonl`);
  await writeFile(results, "");
  const files = (await readdir(join(project, "suite")))
    .filter((file) => file.endsWith(".test.mjs"))
    .map((file) => `suite/${file}`);
  const env = {
    ...process.env,
    NO_COLOR: "1",
    PORTABLE_RESULTS: results,
    PORTABLE_CERTIFICATE: join(project, "server.crt"),
    PORTABLE_KEY: join(project, "server.key"),
  };
  const { output, code } = await execute(program(), args(files), { cwd: project, env });
  const tests = (await readFile(results, "utf8")).split("\n").filter(Boolean).map(JSON.parse);
  const count = (outcome) => tests.filter((one) => one.outcome === outcome).length;
  const row = {
    name,
    tests,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    code,
  };
  if (code !== 0) console.error(`${name} ended with code ${code}:\n${output.slice(-8_000)}`);
  return row;
}

function execute(program, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"], timeout: deadline });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.on("error", reject).on("close", (code) => resolve({ output, code: code ?? 1 }));
  });
}

/** Prints the tables, and writes the counts. A runtime with another number of tests than the first one fails. */
async function report(rows, bundles) {
  console.log("| runtime | tests | passed | failed | skipped |\n| --- | --- | --- | --- | --- |");
  let failed = 0;
  for (const { name, tests, ...row } of rows) {
    console.log(`| ${name} | ${tests.length} | ${row.passed} | ${row.failed} | ${row.skipped} |`);
    const isComplete = tests.length >= minTests && tests.length === rows[0].tests.length;
    if (row.code !== 0 || !isComplete || row.skipped > maxSkipped * tests.length) failed++;
    for (const one of tests)
      if (one.outcome !== "passed") console.log(`  ${one.outcome}: ${one.name}: ${one.reason}`);
  }
  console.log("\n| program | result |\n| --- | --- |");
  for (const { name, error } of bundles) console.log(`| ${name} | ${error ?? "ok"} |`);
  const failedBundles = bundles.filter(({ error }) => error !== undefined).length;
  failed += failedBundles;
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  await mkdir(join(root, "test-results"), { recursive: true });
  await writeFile(
    join(root, "test-results/portable.json"),
    JSON.stringify({
      passed: sum("passed"),
      failed: Math.max(sum("failed"), failed),
      skipped: sum("skipped"),
    }),
  );
  if (failed > 0) process.exitCode = 1;
}

function nodeArgs(files) {
  return ["--test", "--test-reporter=spec", ...files];
}

function nodeProgram(alias) {
  return programOf(alias, "bin/node");
}

function programOf(name, path) {
  const require = createRequire(join(here, "programs/package.json"));
  return join(require.resolve(`${name}/package.json`), "..", path);
}
