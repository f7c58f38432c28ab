/** Starts the suite's server in a Docker container. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Child, runToEnd } from "./child.mjs";
import { SUITE_VERSION, specification } from "./specification.mjs";

const ANSWER_LIMIT_MS = 20_000;
/** The first start pulls the image. */
const START_LIMIT_MS = 600_000;

/** Resolves with true if `docker` is on PATH and its daemon answers. */
export async function answersDocker() {
  const format = ["--format", "{{.Server.Version}}"];
  return (await runToEnd("docker", ["version", ...format], { limitMs: ANSWER_LIMIT_MS })).succeeded;
}

/**
 * Returns the arguments of `docker`.
 * @param {{ name: string, port: number, folder: string, user: string }} run
 * @returns {string[]}
 */
export function dockerArguments({ name, port, folder, user }) {
  return [
    "run",
    "--rm",
    "--init",
    `--name=${name}`,
    `--user=${user}`,
    `--publish=127.0.0.1:${port}:${port}`,
    `--volume=${folder}:/lane`,
    `crossbario/autobahn-testsuite:${SUITE_VERSION}`,
    "wstest",
    "--mode=fuzzingserver",
    "--spec=/lane/specification.json",
    "--webport=0",
  ];
}

/**
 * @param {string} folder
 * @param {number} port
 * @param {readonly string[]} patterns
 */
export async function startDockerServer(folder, port, patterns) {
  const resultFolder = join(folder, "results");
  await mkdir(resultFolder, { recursive: true });
  const contents = specification(port, "/lane/results", patterns);
  await writeFile(join(folder, "specification.json"), JSON.stringify(contents, null, 2));

  const name = `jetsocket-autobahn-${port}`;
  // The container writes its results as the current user, so that this user can delete them.
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const child = new Child("docker", dockerArguments({ name, port, folder, user }));
  const stop = async () => {
    await child.end();
    // If the docker command was killed, its container still runs.
    await runToEnd("docker", ["rm", "--force", name], { limitMs: ANSWER_LIMIT_MS });
  };
  return { url: contents.url, resultFolder, child, stop, startLimitMs: START_LIMIT_MS };
}
