/**
 * Collects the messages of one read from the socket into an array. A waiting call of a batch iterator receives the
 * array. Without a waiting call, no message is stored here.
 */
export class Batch {
  readonly #maxBytes: number;
  #messages: unknown[] | undefined;
  #bytes = 0;

  /** @param maxBytes - The maximum size in bytes of all messages after the first message. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** `true` while a batch collects the messages of the current read from the socket. */
  get isOpen(): boolean {
    return this.#messages !== undefined;
  }

  /**
   * Starts a batch with the message `first`. After the current read from the socket, the promise resolves with all
   * messages of the batch.
   */
  begin(first: unknown): Promise<readonly unknown[]> {
    const messages = [first];
    this.#messages = messages;
    this.#bytes = 0;
    // All messages of one read from the socket are delivered in one callback of the event loop. Microtasks run after
    // that callback.
    return Promise.resolve().then(() => {
      if (this.#messages === messages) this.#messages = undefined;
      return messages;
    });
  }

  /**
   * Adds a message to the open batch. A message that exceeds the limit closes the batch instead.
   * @returns whether the message was added.
   */
  add(message: unknown, size: number): boolean {
    this.#bytes += size;
    if (this.#bytes > this.#maxBytes) this.#messages = undefined;
    this.#messages?.push(message);
    return this.#messages !== undefined;
  }
}
