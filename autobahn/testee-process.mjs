/** The testee as its parent sees it: one job at a time, each within a bound. */
import { pathToFileURL } from "node:url";
import { Child } from "./child.mjs";

const CHECK_MS = 500;

/**
 * No message for `idleMs` is no progress: the longest wait for one, of 16 MiB, takes a few seconds.
 * A job takes at most `jobMs`, which is above the suite's own limit for its slow cases, 480 s.
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
   * @param {{ folder: string, file: string }} installed the folder into which the tarball was installed, the testee in it
   * @param {string} url
   * @param {string} agent
   * @param {{ idleMs: number, jobMs: number }} [limits]
   */
  static async start(installed, url, agent, limits = LIMITS) {
    const child = new Child(process.execPath, [installed.file, url, agent], {
      cwd: installed.folder,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const testee = new TesteeProcess(child, limits);
    // A process that starts has nothing to show before it is ready: its start is bounded as a job alone.
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
   * @throws {Error} when the testee has ended or makes no progress
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
