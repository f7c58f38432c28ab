/** Child processes of the soak: each communicates over an IPC channel and is ended only by its own pid. */
import { fork } from "node:child_process";
import { once } from "node:events";

/** @type {Set<Child>} */
const running = new Set();

export class Child {
  isOver = false;
  #process;
  /** @type {Map<string, { resolve: (message: any) => void, reject: (error: Error) => void }[]>} */
  #waiting = new Map();
  #onMessage;

  /**
   * @param {string} file - File name in this folder.
   * @param {{ execArgv?: string[], args?: string[], onMessage?: (message: any) => void }} [options]
   */
  constructor(file, { execArgv = [], args = [], onMessage } = {}) {
    this.#onMessage = onMessage;
    this.#process = fork(new URL(file, import.meta.url), args, { execArgv });
    running.add(this);
    this.ended = once(this.#process, "exit").then(() => {
      this.isOver = true;
      running.delete(this);
      this.#failWaiting(new Error(`${file} has ended`));
    });
    this.#process.on("message", (/** @type {any} */ message) => this.#take(message));
    this.#process.on("error", () => {});
  }

  get pid() {
    return this.#process.pid;
  }

  /** @param {object} message */
  send(message) {
    if (!this.isOver && this.#process.connected) this.#process.send(message, () => {});
  }

  /**
   * Resolves with the next message of the type `what`; rejects if none arrives within `limitMs`.
   * @param {string} what
   * @param {number} limitMs
   * @returns {Promise<any>}
   */
  next(what, limitMs) {
    /** @type {NodeJS.Timeout} */
    let timer;
    const message = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no "${what}" within ${limitMs} ms`)), limitMs);
      this.#waiting.set(what, [...(this.#waiting.get(what) ?? []), { resolve, reject }]);
    });
    return message.finally(() => clearTimeout(timer));
  }

  /**
   * @param {object} message
   * @param {string} what - Type of the answer.
   * @param {number} limitMs
   */
  ask(message, what, limitMs) {
    const answer = this.next(what, limitMs);
    this.send(message);
    return answer;
  }

  /** @param {NodeJS.Signals} [signal] */
  async end(signal = "SIGKILL") {
    if (!this.isOver) this.#process.kill(signal);
    await this.ended;
  }

  #failWaiting(error) {
    for (const { reject } of [...this.#waiting.values()].flat()) reject(error);
    this.#waiting.clear();
  }

  #take(message) {
    const waiting = this.#waiting.get(message.type) ?? [];
    this.#waiting.delete(message.type);
    for (const { resolve } of waiting) resolve(message);
    this.#onMessage?.(message);
  }
}

/** Ends all running processes. */
export async function endChildren() {
  await Promise.all([...running].map((child) => child.end()));
}
