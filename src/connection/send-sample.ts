/** The clock is read for one message in so many: to read it takes a tenth of what it takes to send one. */
const messagesPerSample = 16;

/** Measures the way from `send()` to the kernel on one message at a time, so that a send mostly costs one comparison. */
export class SendSample {
  /** The count of the message that is being followed; 0 for none. */
  #position = 0;
  /** The count of the next that is worth it. */
  #next = 0;
  #since = 0;

  get isRunning(): boolean {
    return this.#position > 0;
  }

  /** `true` where this message is to be followed. */
  wants(position: number): boolean {
    return this.#position === 0 && position >= this.#next;
  }

  begin(position: number, now: number): void {
    this.#position = position;
    this.#next = position + messagesPerSample;
    this.#since = now;
  }

  /** The milliseconds that the message took, once the kernel has it. */
  end(writtenCount: number, now: number): number | undefined {
    if (this.#position === 0 || writtenCount < this.#position) return undefined;
    this.#position = 0;
    return now - this.#since;
  }

  /** The message has gone elsewhere, and what is counted may begin anew. */
  cancel(): void {
    this.#position = 0;
    this.#next = 0;
  }
}
