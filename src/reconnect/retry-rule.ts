// Decides after the end of an attempt or connection whether another attempt may succeed. It does not compute delays:
// see backoff.ts.

/** The end of an attempt or connection, as far as it decides about a retry. */
export interface RetryableEnd {
  /**
   * `auth`: HTTP 401, 403 or close code 4401, 4403. `not-found`: HTTP 404 or 410. `certificate`: TLS
   * refuses a certificate or another part of the handshake. `options`: options that Node refuses. `other`: everything else.
   */
  readonly cause: "auth" | "not-found" | "certificate" | "options" | "other";
  /** How long the connection was open in milliseconds; `undefined` if there was no connection. */
  readonly ageMs: number | undefined;
}

/**
 * The retries end after the server has refused the credentials this many times in a row. The number is more than 1,
 * because a server may refuse valid credentials for a short time during a deployment.
 */
const maxRefusals = 3;

/**
 * Before the first success, most causes are fatal. After a success, the same causes may be temporary: servers are
 * deployed, clocks are corrected, tokens expire.
 */
export class RetryRule {
  readonly #resetAfter: number;
  #hasSucceeded = false;
  #refusals = 0;

  /** @param resetAfter - The credentials were valid if the connection was open for this many milliseconds. */
  constructor(resetAfter: number) {
    this.#resetAfter = resetAfter;
  }

  /** A connection is open and set up. */
  onOpen(): void {
    this.#hasSucceeded = true;
  }

  /**
   * Returns whether another attempt may succeed. Call this method once for each end, because it counts refused
   * credentials.
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
