/**
 * Remembers which subscribe messages of one connection the server has not answered. It does not know which channels are
 * subscribed.
 */

/** Largest number of messages, and of channels, whose late answers are recognized. */
const maxLate = 10_000;

/**
 * A slow server may process a subscribe after a later unsubscribe. If it then acknowledges the channel, the channel must be
 * unsubscribed again.
 */
export class Unanswered {
  /** For each channel, the number of subscribe messages without an answer. */
  readonly #counts = new Map<string, number>();
  /** The channels of messages that no longer wait for an answer, by the id of the message. */
  readonly #lateNames = new Map<number, readonly string[]>();

  has(name: string): boolean {
    return this.#counts.has(name);
  }

  add(name: string): void {
    const count = this.#counts.get(name) ?? 0;
    if (count > 0 || this.#counts.size < maxLate) this.#counts.set(name, count + 1);
  }

  /** Counts an answer. @returns `false` if the server has answered all subscribe messages of the channel. */
  take(name: string): boolean {
    const count = this.#counts.get(name) ?? 0;
    if (count > 1) this.#counts.set(name, count - 1);
    else this.#counts.delete(name);
    return count > 0;
  }

  /** The message with the id no longer waits for these channels. Its answer may still arrive. */
  addLate(id: number, names: readonly string[]): void {
    this.#lateNames.set(id, [...this.lateNames(id), ...names]);
    const [oldest] = this.#lateNames.keys();
    if (this.#lateNames.size > maxLate && oldest !== undefined) this.#lateNames.delete(oldest);
  }

  lateNames(id: number): readonly string[] {
    return this.#lateNames.get(id) ?? [];
  }
}
