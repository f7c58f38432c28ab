import { closeSync, openSync, writeSync } from "node:fs";

/** The number of the line that a sabotaged journal has wrong. */
const victim = 100;

/** Writes what arrived, a line for a message; what is written is kept, whatever becomes of the process. */
export class JournalWriter {
  #file;
  #sabotage;
  /** @type {string | undefined} */
  #held;

  /**
   * @param {string} path
   * @param {"lost" | "doubled" | "order" | undefined} sabotage - What is to be wrong with one line, for a check must be able to fail.
   */
  constructor(path, sabotage) {
    this.#file = openSync(path, "a");
    this.#sabotage = sabotage;
  }

  /**
   * @param {number} number
   * @param {boolean} isWhole
   */
  write(number, isWhole) {
    const line = `${number} ${isWhole ? 1 : 0}\n`;
    if (number === victim && this.#sabotage === "lost") return;
    if (number === victim && this.#sabotage === "order") {
      this.#held = line;
      return;
    }
    writeSync(this.#file, number === victim && this.#sabotage === "doubled" ? line + line : line);
    if (this.#held !== undefined) writeSync(this.#file, this.#held);
    this.#held = undefined;
  }

  close() {
    closeSync(this.#file);
  }
}
