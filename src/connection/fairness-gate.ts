// Keeps a loop of awaited sends from starving the event loop. It does not limit how much is sent.
import type { Runtime } from "../runtime/runtime.js";

const maxBytesPerTurn = 64 * 1024;
/** If a turn of the event loop has sent messages for this number of milliseconds, `send()` waits for the next turn. */
const maxTimePerTurn = 10;
/** Number of sends between two reads of the clock. */
const sendsPerClockRead = 32;

const accepted: Promise<void> = Promise.resolve();

/**
 * Returns the promises of accepted calls of `send()`. Usually all calls share one resolved promise. A loop that awaits
 * only resolved promises starves timers and I/O. Therefore, after every 64 KiB or 10 ms, `send()` returns a promise
 * that resolves in the next turn of the event loop.
 */
export class FairnessGate {
  readonly #runtime: Pick<Runtime, "now" | "afterTurn">;
  #bytes = 0;
  #sends = 0;
  #since = 0;
  #nextTurn: Promise<void> | undefined;

  constructor(runtime: Pick<Runtime, "now" | "afterTurn">) {
    this.#runtime = runtime;
  }

  /** @param size - The number of bytes that were accepted. */
  pass(size: number): Promise<void> {
    return this.nextTurn(size) ?? accepted;
  }

  /** Like {@link pass}, but returns `undefined` instead of a resolved promise. */
  nextTurn(size: number): Promise<void> | undefined {
    this.#bytes += size;
    if (this.#bytes < maxBytesPerTurn && ++this.#sends % sendsPerClockRead !== 0) return undefined;
    return this.#nextTurnIfDue();
  }

  #nextTurnIfDue(): Promise<void> | undefined {
    if (this.#nextTurn !== undefined) return this.#nextTurn;
    if (this.#bytes < maxBytesPerTurn && this.#runtime.now() - this.#since < maxTimePerTurn) return undefined;
    this.#bytes = maxBytesPerTurn;
    this.#nextTurn = new Promise((resolve) => this.#runtime.afterTurn(resolve));
    void this.#nextTurn.then(() => {
      this.#nextTurn = undefined;
      this.#bytes = 0;
      this.#since = this.#runtime.now();
    });
    return this.#nextTurn;
  }
}
