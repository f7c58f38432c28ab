/** Writes the journal of one receiver: one line per received message. It does not check them. */
import { closeSync, openSync, writeSync } from "node:fs";

/** Number of the message whose line is wrong in a sabotaged journal. */
const victim = 100;

/** Appends lines synchronously, so that no line is lost when the process is killed. */
export class JournalWriter {
  #file;
  #sabotage;
  /** @type {string | undefined} */
  #delayed;

  /**
   * @param {string} path
   * @param {"lost" | "doubled" | "order" | undefined} sabotage - Error in one line, to prove that the check can fail.
   */
  constructor(path, sabotage) {
    this.#file = openSync(path, "a");
    this.#sabotage = sabotage;
  }

  /**
   * @param {number} number
   * @param {boolean} isIntact
   */
  write(number, isIntact) {
    const line = `${number} ${isIntact ? 1 : 0}\n`;
    if (number === victim && this.#sabotage === "lost") return;
    if (number === victim && this.#sabotage === "order") {
      this.#delayed = line;
      return;
    }
    writeSync(this.#file, number === victim && this.#sabotage === "doubled" ? line + line : line);
    if (this.#delayed !== undefined) writeSync(this.#file, this.#delayed);
    this.#delayed = undefined;
  }

  close() {
    closeSync(this.#file);
  }
}
