import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";

/** Hashed in pieces of so many characters. */
const pieceLength = 64 * 1024;

/** Everything that happens, each with its time, as lines of text: their hash tells one run from another. */
export class Trace {
  /** How many lines there are. */
  lines = 0;
  #hash = createHash("sha256");
  #waiting = "";
  #now;
  #file;

  /**
   * @param {() => number} now
   * @param {string} [path] - Where the lines go too.
   */
  constructor(now, path) {
    this.#now = now;
    if (path !== undefined) this.#file = openSync(path, "w");
  }

  /** @param {string} line */
  write(line) {
    this.lines++;
    this.#waiting += `${this.#now()} ${line}\n`;
    if (this.#waiting.length >= pieceLength) this.#flush();
  }

  /** Ends the trace. @returns the hash, as 64 hexadecimal digits */
  end() {
    this.#flush();
    if (this.#file !== undefined) closeSync(this.#file);
    return this.#hash.digest("hex");
  }

  #flush() {
    this.#hash.update(this.#waiting);
    if (this.#file !== undefined) writeSync(this.#file, this.#waiting);
    this.#waiting = "";
  }
}
