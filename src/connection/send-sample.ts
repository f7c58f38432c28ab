/** The clock is read for one message in so many: to read it takes a tenth of what it takes to send one. */
export const messagesPerSample = 16;

/** Measures the way from `send()` to the kernel on one message at a time, so that a send mostly costs one comparison. */
export class SendSample {
  /** The count of the message that is being followed; 0 for none. */
  #position = 0;
  #since = 0;

  get isRunning(): boolean {
    return this.#position > 0;
  }

  begin(position: number, now: number): void {
    this.#position = position;
    this.#since = now;
  }

  /** The milliseconds that the message took, once the kernel has it. */
  end(writtenCount: number, now: number): number | undefined {
    if (this.#position === 0 || writtenCount < this.#position) return undefined;
    this.#position = 0;
    return now - this.#since;
  }

  /** The message has gone elsewhere. */
  cancel(): void {
    this.#position = 0;
  }
}
