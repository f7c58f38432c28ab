/** What one read has brought, for a call that waits for all of it. */
export class Batch<Received> {
  readonly #maxBytes: number;
  #messages: Received[] | undefined;
  #bytes = 0;

  /** @param maxBytes - What of a read is beyond it waits as any other message does. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Somebody waits for what comes from now on in this read. */
  get isOpen(): boolean {
    return this.#messages !== undefined;
  }

  /** Resolves when the read is over, with all that was added. */
  begin(first: Received): Promise<readonly Received[]> {
    const messages = [first];
    this.#messages = messages;
    this.#bytes = 0;
    // The whole of a read is told in one call from the event loop: this comes behind it.
    return Promise.resolve().then(() => {
      if (this.#messages === messages) this.#messages = undefined;
      return messages;
    });
  }

  /** @returns `false` where it has no room for the message, nor for any behind it. */
  add(message: Received, size: number): boolean {
    this.#bytes += size;
    if (this.#bytes > this.#maxBytes) this.#messages = undefined;
    this.#messages?.push(message);
    return this.#messages !== undefined;
  }
}
