/**
 * Collects the messages of one read from the socket into an array, for a batch iterator whose call waits. It does not
 * store messages for which no call waits.
 */
export class Batch<Received> {
  readonly #maxBytes: number;
  #messages: Received[] | undefined;
  #bytes = 0;

  /** @param maxBytes - The limit of a batch after its first message. Further messages of the read stay in the inbox. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** `true` while a batch collects the messages of the current read. */
  get isOpen(): boolean {
    return this.#messages !== undefined;
  }

  /** Starts a batch. Resolves with `first` and all added messages when the current read is over. */
  begin(first: Received): Promise<readonly Received[]> {
    const messages = [first];
    this.#messages = messages;
    this.#bytes = 0;
    // All messages of one read are delivered in one callback of the event loop, and microtasks run after it.
    return Promise.resolve().then(() => {
      if (this.#messages === messages) this.#messages = undefined;
      return messages;
    });
  }

  /** @returns `false` if no batch is open, or if the message exceeds the limit. The latter also closes the batch. */
  add(message: Received, size: number): boolean {
    this.#bytes += size;
    if (this.#bytes > this.#maxBytes) this.#messages = undefined;
    this.#messages?.push(message);
    return this.#messages !== undefined;
  }
}
