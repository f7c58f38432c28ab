/** Chooses the endpoint of a new connection: which endpoints have failed, and when to try them again. It opens nothing. */
import type { Provided, Url } from "../index.js";

/** Milliseconds for which an endpoint is skipped after its first failure. */
const shortestPause = 1_000;
export const longestPause = 60_000;

/** One endpoint with its failures. */
export class Endpoint {
  readonly url: Provided<Url>;
  /** Failed attempts since the last connection. */
  failures: number = 0;
  /** The endpoint is skipped until this time, if another endpoint is available. */
  retryAt: number = -Infinity;
  /** Connections in a row that were lost before they were of use. */
  losses: number = 0;

  constructor(url: Provided<Url>) {
    this.url = url;
  }
}

export class Endpoints {
  readonly #all: readonly Endpoint[];

  constructor(urls: readonly Provided<Url>[]) {
    this.#all = urls.map((url) => new Endpoint(url));
  }

  /** Returns all endpoints in the order in which a new connection tries them. */
  order(now: number): readonly Endpoint[] {
    const isAvailable = (endpoint: Endpoint): boolean => endpoint.retryAt <= now;
    const skipped = this.#all.filter((endpoint) => !isAvailable(endpoint));
    return [...this.#all.filter(isAvailable), ...skipped.toSorted((a, b) => a.retryAt - b.retryAt)];
  }

  /** An attempt begins. Other connections skip an endpoint that has failed until the attempt has ended. */
  onAttempt(endpoint: Endpoint, now: number): void {
    if (endpoint.failures > 0)
      endpoint.retryAt = Math.max(endpoint.retryAt, now + pauseAfter(endpoint.failures));
  }

  onConnected(endpoint: Endpoint): void {
    endpoint.failures = 0;
    endpoint.retryAt = -Infinity;
  }

  /** A connection has ended. @param wasUseless - `true` if it was lost before it was of use, which is a failure. */
  onEnded(endpoint: Endpoint, wasUseless: boolean, now: number): void {
    endpoint.losses = wasUseless ? endpoint.losses + 1 : 0;
    if (!wasUseless) return;
    endpoint.failures = endpoint.losses - 1;
    this.onFailed(endpoint, now);
  }

  onFailed(endpoint: Endpoint, now: number): void {
    endpoint.failures++;
    endpoint.retryAt = now + pauseAfter(endpoint.failures);
  }
}

/** Milliseconds to wait after this number of failures in a row. */
export function pauseAfter(failures: number): number {
  return Math.min(shortestPause * 2 ** (failures - 1), longestPause);
}
