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
  /** For each channel, how many acknowledgements without a subscribe message are taken seriously, oldest channel first. */
  readonly #surplus = new Map<string, number>();
  /** The channels of messages that no longer wait for an answer, by the id of the message. */
  readonly #lateNames = new Map<number, readonly string[]>();

  has(name: string): boolean {
    return this.#counts.has(name);
  }

  add(name: string): void {
    const count = this.#counts.get(name) ?? 0;
    if (count > 0 || this.#counts.size < maxLate) this.#counts.set(name, count + 1);
    this.#surplus.set(name, (this.#surplus.get(name) ?? 0) + 1);
    deleteOldest(this.#surplus);
  }

  /**
   * Counts an acknowledgement of a channel that is not subscribed. A server that acknowledges twice, or the wrong channel,
   * may have counted as an answer before it processed the subscribe message.
   * @returns `true` at most once per subscribe message, because `isAck` may take an answer to an unsubscribe message for an
   *   acknowledgement.
   */
  takeSurplus(name: string): boolean {
    const count = this.#surplus.get(name) ?? 0;
    if (count > 1) this.#surplus.set(name, count - 1);
    else this.#surplus.delete(name);
    return count > 0;
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
    deleteOldest(this.#lateNames);
  }

  lateNames(id: number): readonly string[] {
    return this.#lateNames.get(id) ?? [];
  }
}

function deleteOldest<Key>(map: Map<Key, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > maxLate && oldest !== undefined) map.delete(oldest);
}
