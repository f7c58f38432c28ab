/** Records the events of a virtual run as text and hashes them. */
import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";

/** Characters that are hashed at once. */
const pieceLength = 64 * 1024;

/** All events with their times as lines of text. Two runs are equal if their hashes are equal. */
export class Trace {
  /** Number of lines. */
  lines = 0;
  #hash = createHash("sha256");
  #waiting = "";
  #now;
  #file;

  /**
   * @param {() => number} now
   * @param {string} [path] - File to which the lines are also written.
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

  /** Ends the trace. @returns the SHA-256 hash as 64 hexadecimal digits */
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
