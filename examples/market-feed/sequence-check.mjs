/** Counts missing and duplicate numbers in a sequence that should be consecutive. */
export class SequenceCheck {
  lost = 0;
  doubled = 0;
  #last = 0;

  /** @param {number} sequence */
  add(sequence) {
    if (sequence <= this.#last) {
      this.doubled++;
      return;
    }
    this.lost += sequence - this.#last - 1;
    this.#last = sequence;
  }
}
