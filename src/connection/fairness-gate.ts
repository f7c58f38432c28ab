import type { Runtime } from "../runtime/runtime.js";

const maxBytesPerTurn = 64 * 1024;
const maxTimePerTurn = 10;
/** The clock is read once in so many sends. */
const sendsPerClockRead = 32;

const accepted: Promise<void> = Promise.resolve();

/**
 * Gives the promise that an accepted `send()` returns. Mostly that is one that is resolved already and shared by all;
 * but a loop that awaits only resolved promises starves timers and I/O, so each 64 KiB, or after 10 ms,
 * it is one that the event loop resolves in its next turn.
 */
export class FairnessGate {
  readonly #runtime: Pick<Runtime, "now" | "afterTurn">;
  #bytes = 0;
  #sends = 0;
  #since = 0;
  #turn: Promise<void> | undefined;

  constructor(runtime: Pick<Runtime, "now" | "afterTurn">) {
    this.#runtime = runtime;
  }

  /** @param size - The bytes that were accepted. */
  pass(size: number): Promise<void> {
    return this.turn(size) ?? accepted;
  }

  /** As {@link pass}; `undefined` where nothing is to be waited for. */
  turn(size: number): Promise<void> | undefined {
    this.#bytes += size;
    if (this.#bytes < maxBytesPerTurn && ++this.#sends % sendsPerClockRead !== 0) return undefined;
    return this.#end();
  }

  #end(): Promise<void> | undefined {
    if (this.#turn !== undefined) return this.#turn;
    if (this.#bytes < maxBytesPerTurn && this.#runtime.now() - this.#since < maxTimePerTurn) return undefined;
    this.#bytes = maxBytesPerTurn;
    this.#turn = new Promise((resolve) => this.#runtime.afterTurn(resolve));
    void this.#turn.then(() => this.#begin());
    return this.#turn;
  }

  #begin(): void {
    this.#turn = undefined;
    this.#bytes = 0;
    this.#since = this.#runtime.now();
  }
}
