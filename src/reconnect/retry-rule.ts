/** The end of an attempt or of a connection, as far as it decides about a retry. */
export interface RetryableEnd {
  /** HTTP 401, 403 or close code 4401, 4403; HTTP 404, 410; a certificate that is not valid; options that Node refuses; all else. */
  readonly cause: "auth" | "not-found" | "certificate" | "options" | "other";
  /** For how many milliseconds a connection was open; `undefined` where none was. */
  readonly ageMs: number | undefined;
}

/** So many refused credentials in a row are believed: servers also refuse them while they are deployed. */
const maxRefusals = 3;

/** Which ends of one life are fatal. What was right once may be so again: deploys roll, clocks are set, tokens run out. */
export class RetryRule {
  readonly #resetAfter: number;
  #hasSucceeded = false;
  #refusals = 0;

  /** @param resetAfter - Credentials of a connection that was open for so many milliseconds were right. */
  constructor(resetAfter: number) {
    this.#resetAfter = resetAfter;
  }

  /** A connection is open and set up. */
  onOpen(): void {
    this.#hasSucceeded = true;
  }

  /** Whether trying again may help. To be asked once for each end: it counts those in a row. */
  isRetryable({ cause, ageMs }: RetryableEnd): boolean {
    if (cause !== "auth" || (ageMs !== undefined && ageMs >= this.#resetAfter)) this.#refusals = 0;
    if (cause === "auth") this.#refusals++;
    // They are the same at each attempt, after a success too.
    if (cause === "options") return false;
    if (!this.#hasSucceeded) return cause === "other";
    return this.#refusals < maxRefusals;
  }
}
