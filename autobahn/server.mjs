/** Chooses Docker or Python 2.7 for the suite's server, starts the server and waits until it is ready. */
import { get } from "node:http";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { answersDocker, startDockerServer } from "./server-docker.mjs";
import { SUITE_VERSION } from "./specification.mjs";
import { findPython, installSuite, startPythonServer } from "./server-python.mjs";

const POLL_MS = 100;

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {string} resultFolder the folder on this machine in which the suite writes its results
 * @property {import("./child.mjs").Child} child
 * @property {() => Promise<void>} stop
 */

/**
 * Chooses Docker or Python 2.7 and prepares it.
 * @param {"docker" | "python" | undefined} wanted
 * @returns {Promise<{ name: string, start: (folder: string, patterns: readonly string[]) => Promise<Server> }>}
 */
export async function prepareServers(wanted) {
  if (wanted !== "python" && (await answersDocker())) {
    return {
      name: "Docker",
      start: (folder, patterns) => startServer(startDockerServer, folder, patterns),
    };
  }
  if (wanted === "docker") throw new Error("Docker does not answer: `docker version` failed");
  const python = await findPython();
  if (python === undefined) {
    throw new Error(
      "the suite needs Docker, or Python 2.7 (on PATH or under pyenv), and this machine has neither; " +
        "see autobahn/README.md",
    );
  }
  await installSuite(python, SUITE_VERSION);
  return {
    name: "Python 2.7",
    start: (folder, patterns) => startServer(startPythonServer(python), folder, patterns),
  };
}

/** @returns {Promise<number>} a port of 127.0.0.1 that was free a moment ago */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });
}

/**
 * @param {(folder: string, port: number, patterns: readonly string[]) => Promise<Server & { startLimitMs: number }>} start
 * @param {string} folder
 * @param {readonly string[]} patterns
 */
async function startServer(start, folder, patterns) {
  const server = await start(folder, await freePort(), patterns);
  const deadline = performance.now() + server.startLimitMs;
  while (!(await answers(server.url.replace("ws:", "http:")))) {
    const isLate = performance.now() > deadline;
    if (isLate) await server.stop();
    if (server.child.isOver) {
      const how = isLate ? `did not answer in ${server.startLimitMs / 1000} s` : await server.child.ended;
      throw new Error(`the suite's server ${how}\n${server.child.lastLines()}`);
    }
    await wait(POLL_MS);
  }
  return server;
}

/**
 * Resolves with true if HTTP is answered. Accepted connections are no proof: Docker accepts them before the server
 * in the container listens.
 * @param {string} url
 * @returns {Promise<boolean>}
 */
function answers(url) {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 5_000 }, (response) => {
      response.resume();
      resolve(true);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}
