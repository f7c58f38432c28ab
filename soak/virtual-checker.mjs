/**
 * Holds a stream of numbers against 1, 2, 3 ... while it comes, in memory that does not grow with it. Each must come once
 * and in its order; where a sender may repeat, only what it knew to have arrived is a double.
 */
export class StreamChecker {
  /** The highest number so far. */
  highest = 0;
  doubled = 0;
  outOfOrder = 0;
  broken = 0;
  /** Numbers that came again, as they may. */
  repeats = 0;
  /** What was wrong first. @type {string | undefined} */
  first;
  /** @type {Set<number>} */
  #missing = new Set();
  #mayRepeatFrom;
  #sabotage;
  #held = 0;

  /**
   * @param {object} [options]
   * @param {() => number} [options.mayRepeatFrom] - Numbers from this one on may come again. Default: none may.
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
   * @param {boolean} isWhole
   */
  take(number, isWhole) {
    if (!isWhole) {
      this.broken++;
      this.first ??= `${number} is not what was sent`;
    }
    if (this.#sabotage !== undefined && number >= this.#sabotage.at) this.#takeWrong(number);
    else this.#take(number);
  }

  /** @param {number} last - The number that was sent last. */
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
    this.first ??= `${number} came behind ${this.highest}`;
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
      this.doubled++;
      this.first ??= `${number} doubled, behind ${this.highest}`;
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
