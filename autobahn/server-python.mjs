/** Installs the suite for Python 2.7 from PyPI into a separate folder and starts its server. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Child, runToEnd } from "./child.mjs";
import { specification } from "./specification.mjs";

const HERE = import.meta.dirname;
const SITE = join(HERE, ".site");
const COMPLETE = join(SITE, "complete");
const REQUIREMENTS = join(HERE, "requirements-py27.txt");

const PROBE_LIMIT_MS = 20_000;
const INSTALL_LIMIT_MS = 600_000;
const START_LIMIT_MS = 60_000;

/**
 * Returns a Python 2.7 that starts, or undefined. Each candidate is run, because a name on PATH may be a broken shim.
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {Promise<string | undefined>}
 */
export async function findPython(environment = process.env) {
  const versions = join(
    environment["PYENV_ROOT"] ?? join(environment["HOME"] ?? homedir(), ".pyenv"),
    "versions",
  );
  const installed = existsSync(versions) ? await readdir(versions) : [];
  const underPyenv = installed
    .filter((version) => /^2\.7(\.|$)/.test(version))
    .map((version) => join(versions, version, "bin", "python2.7"));
  const script = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])";
  for (const candidate of ["python2.7", "python2", "python", ...underPyenv]) {
    const probe = await runToEnd(candidate, ["-c", script], { env: environment, limitMs: PROBE_LIMIT_MS });
    if (probe.succeeded && probe.output === "2.7") return candidate;
  }
  return undefined;
}

/**
 * Installs the pinned suite, unless an earlier run has completed the installation.
 * @param {string} python
 * @param {string} version version of the suite, checked after the installation
 */
export async function installSuite(python, version) {
  const requirements = readFileSync(REQUIREMENTS, "utf8");
  if (existsSync(COMPLETE) && readFileSync(COMPLETE, "utf8") === requirements) return;
  console.log("autobahn: installing the suite for Python 2.7");
  await rm(SITE, { recursive: true, force: true });
  await mkdir(SITE, { recursive: true });
  // Twisted's setup imports `incremental`, so a version for Python 2.7 must be installed first.
  const first = requirements.match(/^(incremental|six)==\S+/gm) ?? [];
  await pip(python, first);
  await pip(python, ["--requirement", REQUIREMENTS]);
  const check = `import pkg_resources as p; assert p.get_distribution("autobahntestsuite").version == "${version}"`;
  const { succeeded, output } = await runToEnd(python, ["-c", check], {
    env: environment(),
    limitMs: PROBE_LIMIT_MS,
  });
  if (!succeeded) throw new Error(`the installed suite is not autobahntestsuite ${version}\n${output}`);
  await writeFile(COMPLETE, requirements);
}

/**
 * @param {string} python
 * @param {readonly string[]} what
 */
async function pip(python, what) {
  // `--user` with our own PYTHONUSERBASE, because `--target` breaks zope's namespace package.
  const options = ["--user", "--no-deps", "--no-warn-script-location", "--disable-pip-version-check"];
  const { succeeded, how, output } = await runToEnd(python, ["-m", "pip", "install", ...options, ...what], {
    env: environment(),
    limitMs: INSTALL_LIMIT_MS,
  });
  if (!succeeded) throw new Error(`pip of Python 2.7 ${how} (it needs PyPI and a C compiler)\n${output}`);
}

/** @param {NodeJS.ProcessEnv} [more] */
function environment(more = {}) {
  return { ...process.env, PYTHONUSERBASE: SITE, PYTHONPATH: "", PYTHONWARNINGS: "ignore", ...more };
}

/** @param {string} python */
export function startPythonServer(python) {
  /**
   * @param {string} folder
   * @param {number} port
   * @param {readonly string[]} patterns
   */
  return async (folder, port, patterns) => {
    const resultFolder = join(folder, "results");
    const specificationFile = join(folder, "specification.json");
    await mkdir(resultFolder, { recursive: true });
    const contents = specification(port, resultFolder, patterns);
    await writeFile(specificationFile, JSON.stringify(contents, null, 2));
    const command = [join(HERE, "wstest.py"), "-m", "fuzzingserver", "-s", specificationFile, "-u", "0"];
    const env = environment({ PYTHONPATH: join(HERE, "accel"), PYTHONDONTWRITEBYTECODE: "1" });
    const child = new Child(python, command, { cwd: folder, env });
    return { url: contents.url, resultFolder, child, stop: () => child.end(), startLimitMs: START_LIMIT_MS };
  };
}
