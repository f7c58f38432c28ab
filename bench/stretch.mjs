/** Long enough for the optimising compiler to be done with most of a client; it works on threads that are counted. */
const defaultWarmUp = 700;
const measuredMilliseconds = 400;

/**
 * The stretch of a run that is measured: messages are counted, and when the warm-up is over the CPU time of this
 * process, all threads, is taken until the stretch is over. Both last for a time, not for a number of messages, so that
 * a slow client and a fast one take equally long.
 */
export class Stretch {
  #finish;
  /** Resolves with the messages of the stretch, the CPU time of each, and when the stretch was. */
  finished = new Promise((resolve) => (this.#finish = resolve));
  #count = 0;
  #next = 0;
  #every;
  #warmUp;
  #started;
  #begun;

  /**
   * @param {number} every - The messages between two looks at the clock.
   * @param {{ warmUpMilliseconds?: number }} scenario
   */
  constructor(every, { warmUpMilliseconds = defaultWarmUp }) {
    this.#every = every;
    this.#warmUp = warmUpMilliseconds;
  }

  /** All messages, the warm-up's too. */
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

/** How often to look at the clock: about each 64 KiB, at least each 1,024 messages. @param {number} size */
export function lookEvery(size) {
  return Math.min(1024, Math.ceil((256 * 1024) / size));
}
