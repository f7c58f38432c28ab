/**
 * Warm-up in milliseconds: long enough for the optimizing compiler to finish most of a client, because its threads are
 * counted in the CPU time.
 */
const defaultWarmUp = 700;
const measuredMilliseconds = 400;

/**
 * The measured part of a run. It counts messages, and after the warm-up it measures the CPU time of all threads of this
 * process. Both parts last for a fixed time instead of a number of messages, so that every client takes equally long.
 */
export class Stretch {
  #finish;
  /** Resolves with the number of messages, the CPU time per message in microseconds, and the start and end times. */
  finished = new Promise((resolve) => (this.#finish = resolve));
  #count = 0;
  #next = 0;
  #every;
  #warmUp;
  #started;
  #begun;

  /**
   * @param {number} every - Number of messages between two readings of the clock.
   * @param {{ warmUpMilliseconds?: number }} scenario
   */
  constructor(every, { warmUpMilliseconds = defaultWarmUp }) {
    this.#every = every;
    this.#warmUp = warmUpMilliseconds;
  }

  /** Number of all messages, including those of the warm-up. */
  get count() {
    return this.#count;
  }

  get hasBegun() {
    return this.#begun !== undefined;
  }

  get isOver() {
    return this.#next === Infinity;
  }

  /** @param {number} messages */
  add(messages) {
    this.#count += messages;
    if (this.#count >= this.#next) this.#look();
  }

  #look() {
    const now = performance.now();
    this.#next = this.#count + this.#every;
    if (this.#started === undefined) this.#started = now;
    else if (this.#begun === undefined) {
      if (now - this.#started < this.#warmUp) return;
      this.#begun = { now, count: this.#count, cpu: process.cpuUsage() };
    } else if (now - this.#begun.now >= measuredMilliseconds) {
      const { user, system } = process.cpuUsage(this.#begun.cpu);
      const messages = this.#count - this.#begun.count;
      this.#next = Infinity;
      this.#finish({ messages, cost: (user + system) / messages, from: this.#begun.now, to: now });
    }
  }
}

/** Returns the number of messages between two readings of the clock: about 256 KiB, at most 1,024 messages. @param {number} size */
export function lookEvery(size) {
  return Math.min(1024, Math.ceil((256 * 1024) / size));
}
