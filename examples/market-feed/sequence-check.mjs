/** Looks whether numbers that should follow each other from 1 on do. */
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
