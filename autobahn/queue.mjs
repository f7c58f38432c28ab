/** The cases that wait: every lane takes from here, so that no lane is done long before another. */

/** After so many cases without an end the rest is not tried: each takes minutes. */
const MAX_UNFINISHED = 5;

export class CaseQueue {
  #waiting;
  #total;
  /** @type {{ id: string, why: string }[]} */
  unfinished = [];
  /** @type {string[]} */
  problems = [];
  finished = 0;

  /** @param {readonly string[]} ids in the suite's order, which is the order of its case numbers */
  constructor(ids) {
    this.#waiting = ids.map((id, index) => ({ id, number: index + 1 }));
    this.#total = ids.length;
  }

  get total() {
    return this.#total;
  }

  /**
   * The next case. The slow ones stand at the end of the suite's order and go first, so that the lanes end together.
   * @returns {{ id: string, number: number } | undefined}
   */
  take() {
    return this.#waiting.pop();
  }

  /**
   * @param {string} id
   * @param {string} why
   */
  addUnfinished(id, why) {
    this.unfinished.push({ id, why });
    if (this.unfinished.length === MAX_UNFINISHED) {
      this.stop(`${MAX_UNFINISHED} cases did not end, so the rest was not tried`);
    }
  }

  /**
   * Gives out no case any more.
   * @param {string} why
   */
  stop(why) {
    this.problems.push(why);
    this.#waiting = [];
  }
}
