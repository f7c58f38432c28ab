/**
 * Compares a stream of numbers with 1, 2, 3 ... while it arrives, in bounded memory. Each number must arrive once and
 * in order. If the sender may repeat messages, only a repeated message with a known acknowledgement is a duplicate.
 */
export class StreamChecker {
  /** The highest number so far. */
  highest = 0;
  duplicated = 0;
  outOfOrder = 0;
  broken = 0;
  /** Count of allowed repetitions. */
  repeats = 0;
  /** Description of the first fault. @type {string | undefined} */
  first;
  /** @type {Set<number>} */
  #missing = new Set();
  #mayRepeatFrom;
  #sabotage;
  #held = 0;

  /**
   * @param {object} [options]
   * @param {() => number} [options.mayRepeatFrom] - Numbers from this one on may be repeated. Default: no number may.
   * @param {{ kind: "lost" | "doubled" | "order", at: number }} [options.sabotage]
   */
  constructor({ mayRepeatFrom = () => Infinity, sabotage } = {}) {
    this.#mayRepeatFrom = mayRepeatFrom;
    this.#sabotage = sabotage;
  }

  get lost() {
    return this.#missing.size;
  }

  /**
   * @param {number} number
   * @param {boolean} isIntact
   */
  take(number, isIntact) {
    if (!isIntact) {
      this.broken++;
      this.first ??= `${number} has a wrong content`;
    }
    if (this.#sabotage !== undefined && number >= this.#sabotage.at) this.#takeWrong(number);
    else this.#take(number);
  }

  /** @param {number} last - The last number that was sent. */
  finish(last) {
    for (let number = this.highest + 1; number <= last; number++) this.#missing.add(number);
    const [first] = this.#missing;
    if (first !== undefined) this.first ??= `${first} lost`;
  }

  /** @param {number} number */
  #take(number) {
    if (number === this.highest + 1) {
      this.highest = number;
      return;
    }
    if (!(number > this.highest)) {
      this.#takeOld(number);
      return;
    }
    for (let missing = this.highest + 1; missing < number; missing++) this.#missing.add(missing);
    this.first ??= `${number} arrived after ${this.highest}`;
    this.highest = number;
  }

  /** @param {number} number */
  #takeOld(number) {
    if (this.#missing.delete(number)) {
      this.outOfOrder++;
      this.first ??= `${number} out of order`;
    } else if (number >= this.#mayRepeatFrom()) {
      this.repeats++;
    } else {
      this.duplicated++;
      this.first ??= `${number} duplicated, after ${this.highest}`;
    }
  }

  /** @param {number} number */
  #takeWrong(number) {
    const { kind } = this.#sabotage;
    if (kind === "order" && this.#held === 0) {
      this.#held = number;
      return;
    }
    this.#sabotage = undefined;
    if (kind === "lost") return;
    this.#take(number);
    this.#take(kind === "order" ? this.#held : 1);
  }
}
