/** The common queue of cases. All lanes take from it, so that they finish at about the same time. */

/** After this many unfinished cases the run stops, because each of them takes minutes. */
const MAX_UNFINISHED = 5;

export class CaseQueue {
  #waiting;
  #total;
  /** @type {{ id: string, why: string }[]} */
  unfinished = [];
  /** @type {string[]} */
  problems = [];
  finished = 0;

  /** @param {readonly string[]} ids in the order of the suite's case numbers */
  constructor(ids) {
    this.#waiting = ids.map((id, index) => ({ id, number: index + 1 }));
    this.#total = ids.length;
  }

  get total() {
    return this.#total;
  }

  /**
   * Returns the next case, from the end of the list. The slow cases have the highest numbers and are run first, so that
   * the lanes finish at about the same time.
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
   * Removes all waiting cases.
   * @param {string} why
   */
  stop(why) {
    this.problems.push(why);
    this.#waiting = [];
  }
}
