// Decides whether another attempt may succeed after the end of an attempt or connection. It does not compute delays:
// see backoff.ts.

/** The facts about the end of an attempt or connection that decide about a retry. */
export interface RetryableEnd {
  /**
   * `auth`: HTTP 401, 403 or close code 4401, 4403. `not-found`: HTTP 404 or 410. `certificate`: an invalid
   * certificate. `options`: options that Node refuses. `other`: everything else.
   */
  readonly cause: "auth" | "not-found" | "certificate" | "options" | "other";
  /** How long the connection was open in milliseconds; `undefined` if there was no connection. */
  readonly ageMs: number | undefined;
}

/**
 * Number of refused credentials in a row that end the retries. Servers also refuse valid credentials for a short time
 * during a deployment.
 */
const maxRefusals = 3;

/**
 * Before the first success, most causes are fatal. After it, the same cause may be temporary: servers are deployed,
 * clocks are corrected, tokens expire.
 */
export class RetryRule {
  readonly #resetAfter: number;
  #hasSucceeded = false;
  #refusals = 0;

  /** @param resetAfter - If a connection was open for this many milliseconds, its credentials were valid. */
  constructor(resetAfter: number) {
    this.#resetAfter = resetAfter;
  }

  /** A connection is open and set up. */
  onOpen(): void {
    this.#hasSucceeded = true;
  }

  /**
   * Returns whether another attempt may succeed. Call it once for each end, because it counts refused credentials in a
   * row.
   */
  isRetryable({ cause, ageMs }: RetryableEnd): boolean {
    if (cause !== "auth" || (ageMs !== undefined && ageMs >= this.#resetAfter)) this.#refusals = 0;
    if (cause === "auth") this.#refusals++;
    // The options are the same in every attempt, also after a success.
    if (cause === "options") return false;
    if (!this.#hasSucceeded) return cause === "other";
    return this.#refusals < maxRefusals;
  }
}
