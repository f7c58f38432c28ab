/** Measures how long a client has no connection after the loss of a connection. It does not observe connections. */
import type { Runtime } from "../../runtime/runtime.js";

/** A stopwatch for the time without a connection. */
export class Downtime {
  readonly #runtime: Pick<Runtime, "now">;
  #since: number | undefined;
  #total = 0;

  constructor(runtime: Pick<Runtime, "now">) {
    this.#runtime = runtime;
  }

  /** The sum of all periods without a connection, in milliseconds. It includes the current period. */
  get total(): number {
    return this.#total + this.#current();
  }

  #current(): number {
    return this.#since === undefined ? 0 : this.#runtime.now() - this.#since;
  }

  /** Call this when the connection is lost. */
  begin(): void {
    this.#since ??= this.#runtime.now();
  }

  /**
   * Call this when a connection is open, or when the client ends.
   * @returns the duration of the period without a connection, in milliseconds.
   */
  end(): number {
    const duration = this.#current();
    this.#total += duration;
    this.#since = undefined;
    return duration;
  }
}
