import type { Runtime } from "../../runtime/runtime.js";

/** For how long a client that was connected once was not. */
export class Downtime {
  readonly #runtime: Pick<Runtime, "now">;
  #since: number | undefined;
  #total = 0;

  constructor(runtime: Pick<Runtime, "now">) {
    this.#runtime = runtime;
  }

  get total(): number {
    return this.#total + this.#current();
  }

  #current(): number {
    return this.#since === undefined ? 0 : this.#runtime.now() - this.#since;
  }

  /** The connection was lost. */
  begin(): void {
    this.#since ??= this.#runtime.now();
  }

  /** A connection is there, or the life has ended. @returns For how long there was none. */
  end(): number {
    const duration = this.#current();
    this.#total += duration;
    this.#since = undefined;
    return duration;
  }
}
