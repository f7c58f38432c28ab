// Starts and stops the process of a server and reads its reports.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { within } from "./deadline.mjs";

const startTimeout = 20_000;
const stopTimeout = 3_000;
const keptErrorOutput = 4_000;

/**
 * A server in a process of its own. It prints one JSON object per line: first `listening` with its ports, then its
 * observations of each connection, with the `id` from the connection's URL.
 */
export class PeerProcess {
  #child;
  #exit;
  #errorOutput = "";
  /** @type {Map<string, object>} */
  #reports = new Map();
  /** @type {Map<string, (report: object) => void>} */
  #waiting = new Map();

  /** @param {readonly string[]} command */
  constructor([file, ...args]) {
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#exit = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.once("error", (error) => (this.#errorOutput += error.message));
    // A server exits when its standard input ends, so it also exits when this process is killed.
    this.#child.stdin.on("error", () => {});
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-keptErrorOutput);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#onReport(JSON.parse(line)));
  }

  /** The server's output on standard error. */
  get errorOutput() {
    return this.#errorOutput.trim();
  }

  /** @returns {Promise<{ library: string, port: number, plainPort: number, tlsPort: number }>} */
  async listening() {
    const died = this.#exit.then(() => {
      throw new Error(`the server ended before it listened: ${this.errorOutput}`);
    });
    return within(Promise.race([this.report("listening"), died]), startTimeout, "the server to listen");
  }

  /**
   * Resolves with the server's report of an event on a connection.
   *
   * @param {string} event
   * @param {string} [id]
   */
  report(event, id = "") {
    const key = `${event} ${id}`;
    const known = this.#reports.get(key);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  async stop() {
    this.#child.stdin.end();
    const isGone = await within(this.#exit, stopTimeout, "the server to end").then(
      () => true,
      () => false,
    );
    if (isGone) return;
    this.#child.kill("SIGKILL");
    await within(this.#exit, stopTimeout, "the killed server to end");
  }

  #onReport(report) {
    const key = `${report.event} ${report.id ?? ""}`;
    this.#reports.set(key, report);
    this.#waiting.get(key)?.(report);
    this.#waiting.delete(key);
  }
}
