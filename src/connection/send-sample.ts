// Measures the time of some messages from `send()` to the kernel. It does not average the times.

/**
 * At most one of this many consecutive messages is measured, because reading the clock costs a tenth of the time to
 * send a message.
 */
export const messagesPerSample = 16;

/**
 * Measures the time from `send()` to the kernel. Only one message is measured at a time. For most other messages, the
 * measurement costs only one comparison.
 */
export class SendSample {
  /** The number of the measured message; 0 if no message is measured. */
  #position = 0;
  #since = 0;

  get isRunning(): boolean {
    return this.#position > 0;
  }

  begin(position: number, now: number): void {
    this.#position = position;
    this.#since = now;
  }

  /** Returns the milliseconds that the message took; `undefined` if the kernel has not accepted the message yet. */
  end(writtenCount: number, now: number): number | undefined {
    if (this.#position === 0 || writtenCount < this.#position) return undefined;
    this.#position = 0;
    return now - this.#since;
  }

  /** Stops measuring, because the message moved to another connection or was not sent. */
  cancel(): void {
    this.#position = 0;
  }
}
