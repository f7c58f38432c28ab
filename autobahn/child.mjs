/** Child processes: each keeps the last part of its output and is ended only by its own pid. */
import { spawn } from "node:child_process";

const KEPT_OUTPUT = 4_000;
const KILL_AFTER_MS = 10_000;

/** @type {Set<Child>} */
const running = new Set();
let isOpen = true;

export class Child {
  #process;
  #output = "";
  #isOver = false;

  /** Resolves with a short text on how the process ended. Never rejects. */
  ended;

  /**
   * @param {string} command
   * @param {readonly string[]} commandArguments
   * @param {import("node:child_process").SpawnOptions} [options]
   */
  constructor(command, commandArguments, options = {}) {
    if (!isOpen) throw new Error("the run is ending");
    this.#process = spawn(command, commandArguments, { stdio: ["pipe", "pipe", "pipe"], ...options });
    running.add(this);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
    // Writing to a child that has exited fails. The error is ignored, because `ended` reports the exit.
    this.#process.stdin?.on("error", () => {});
    this.ended = new Promise((resolve) => {
      this.#process.once("error", (error) => resolve(error.message));
      this.#process.once("close", (code, signal) => {
        resolve(signal === null ? `ended with code ${code}` : `ended by ${signal}`);
      });
    }).then((how) => {
      this.#isOver = true;
      running.delete(this);
      return how;
    });
  }

  get isOver() {
    return this.#isOver;
  }

  /** Returns the last lines of output, for an error message. */
  lastLines(count = 5) {
    return this.#output.trim().split("\n").slice(-count).join("\n");
  }

  /** @param {unknown} message */
  send(message) {
    this.#process.send?.(message, () => {});
  }

  /** @param {(message: any) => void} listener */
  onMessage(listener) {
    this.#process.on("message", listener);
  }

  /** Sends SIGTERM, and SIGKILL after 10 s. */
  async end() {
    if (this.#isOver) return;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Ends all running processes. No process can be started afterwards. */
export async function endChildren() {
  isOpen = false;
  await Promise.all([...running].map((child) => child.end()));
}

/**
 * Runs a command until it exits or `limitMs` has passed.
 * @param {string} command
 * @param {readonly string[]} commandArguments
 * @param {import("node:child_process").SpawnOptions & { limitMs: number }} options
 * @returns {Promise<{ succeeded: boolean, output: string, how: string }>}
 */
export async function runToEnd(command, commandArguments, { limitMs, ...options }) {
  const child = new Child(command, commandArguments, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void child.end();
  }, limitMs);
  const how = await child.ended;
  clearTimeout(timer);
  return {
    succeeded: how === "ended with code 0",
    output: child.lastLines(20),
    how: isLate ? `took more than ${limitMs / 1000} s` : how,
  };
}
