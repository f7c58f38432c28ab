/** The parent's side of the testee process: one job at a time, each with a time limit. */
import { pathToFileURL } from "node:url";
import { Child } from "./child.mjs";

const CHECK_MS = 500;

/**
 * `idleMs`: longest time without a message from the testee. A real wait, for 16 MiB, takes a few seconds at most.
 * `jobMs`: longest time of a job. It is above the suite's own limit of 480 s for its slow cases.
 */
const LIMITS = { idleMs: 120_000, jobMs: 600_000 };

export class TesteeProcess {
  #child;
  #limits;
  #lastProgress = 0;
  /** @type {((answer: { value?: unknown, error?: string }) => void) | undefined} */
  #onDone;

  /**
   * @param {Child} child
   * @param {{ idleMs: number, jobMs: number }} limits
   */
  constructor(child, limits) {
    this.#child = child;
    this.#limits = limits;
    child.onMessage((message) => {
      this.#lastProgress = performance.now();
      if (message.type === "done") this.#onDone?.(message);
    });
  }

  /**
   * @param {{ folder: string, file: string, entry: string }} installed folder with the installed package, testee's file
   * @param {string} url
   * @param {string} agent
   * @param {{ idleMs: number, jobMs: number }} [limits]
   */
  static async start(installed, url, agent, limits = LIMITS) {
    const child = new Child(process.execPath, [installed.file, url, agent, installed.entry], {
      cwd: installed.folder,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const testee = new TesteeProcess(child, limits);
    // A starting process reports no progress, so only `jobMs` limits its start.
    const { value } = await testee.#answer(limits.jobMs);
    const expected = pathToFileURL(`${installed.folder}/node_modules/`).href;
    if (!String(value).startsWith(expected)) {
      await child.end();
      throw new Error(`the testee loaded ${String(value)}, not the packed package under ${expected}`);
    }
    return testee;
  }

  /**
   * @param {{ type: "count" | "case" | "report", number?: number }} job
   * @throws {Error} if the testee has ended or makes no progress
   */
  async ask(job) {
    const answer = this.#answer();
    this.#child.send(job);
    return answer;
  }

  /** @returns {Promise<{ value?: unknown, error?: string }>} */
  #answer(idleMs = this.#limits.idleMs) {
    const { jobMs } = this.#limits;
    const started = performance.now();
    this.#lastProgress = started;
    return new Promise((resolve, reject) => {
      const check = setInterval(() => {
        const now = performance.now();
        if (now - this.#lastProgress > idleMs) settle(new Error(`no progress in ${idleMs / 1000} s`));
        else if (now - started > jobMs) settle(new Error(`not done in ${jobMs / 1000} s`));
      }, CHECK_MS);
      const settle = (/** @type {any} */ outcome) => {
        clearInterval(check);
        this.#onDone = undefined;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      this.#onDone = settle;
      void this.#child.ended.then((how) => {
        settle(new Error(`the testee ${how}: ${this.#child.lastLines()}`));
      });
    });
  }

  end() {
    return this.#child.end();
  }
}
