/** Looks whether numbers that should follow each other do. */
export class SequenceCheck {
  missing = 0;
  doubled = 0;
  #last = 0;

  /** @param {number} sequence */
  add(sequence) {
    if (sequence <= this.#last) {
      this.doubled++;
      return;
    }
    this.missing += sequence - this.#last - 1;
    this.#last = sequence;
  }
}
