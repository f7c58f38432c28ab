// Decides after the end of an attempt or connection whether another attempt may succeed. This module does not compute
// delays: see backoff.ts.

/** The facts about the end of an attempt or connection that decide about a retry. */
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
 * Before the first successful connection, most causes of a failure are fatal. After a successful connection, the same
 * causes may be temporary: servers are deployed, clocks are corrected, tokens expire.
 */
export class RetryRule {
  readonly #resetAfter: number;
  #hasSucceeded = false;
  #refusals = 0;

  /** @param resetAfter - After this many milliseconds, an open connection proves that the credentials were valid. */
  constructor(resetAfter: number) {
    this.#resetAfter = resetAfter;
  }

  /** A connection is open and set up. */
  onOpen(): void {
    this.#hasSucceeded = true;
  }

  /**
   * Returns whether another attempt may succeed. Must be called exactly once after each attempt or connection, because
   * the call counts refused credentials.
   */
  isRetryable({ cause, ageMs }: RetryableEnd): boolean {
    if (cause !== "auth" || (ageMs !== undefined && ageMs >= this.#resetAfter)) this.#refusals = 0;
    if (cause === "auth") this.#refusals++;
    // Every attempt uses the same options, so another attempt would fail too.
    if (cause === "options") return false;
    if (!this.#hasSucceeded) return cause === "other";
    return this.#refusals < maxRefusals;
  }
}
