// Creates the promises of refused calls. It does not decide which calls are refused.
import type { Runtime } from "../runtime/runtime.js";
import { handled, rejected } from "../runtime/wait.js";
import { FairnessGate } from "./fairness-gate.js";

/**
 * The {@link FairnessGate} limits the bytes per turn of the event loop. Each refusal counts as this number of bytes, so
 * 64 refusals reach the limit.
 */
const refusalWork = 1024;

/** The error of a refused call, and the promise that the call returns. */
export interface Refusal {
  readonly error: unknown;
  readonly promise: Promise<never>;
}

/**
 * Creates the promises of refused calls. From the 64th refusal in a turn of the event loop on, refusals of the same
 * kind share one error and one promise.
 *
 * Without shared promises, a synchronous loop of millions of refused calls would keep millions of promises in memory
 * until the microtasks run. The shared promise rejects in the next turn, so that a loop of awaited refusals does not
 * starve timers and I/O.
 */
export class Refusals {
  readonly #gate: FairnessGate;
  #shared: Map<unknown, Refusal> | undefined;

  constructor(runtime: Pick<Runtime, "now" | "afterTurn">) {
    this.#gate = new FairnessGate(runtime);
  }

  /**
   * @param kind - Refusals of the same kind may share an error.
   * @param createError - Called if no shared error of this kind exists.
   */
  refuse(kind: unknown, createError: () => unknown): Refusal {
    const shared = this.#shared?.get(kind);
    if (shared !== undefined) return shared;
    const turn = this.#gate.nextTurn(refusalWork);
    const error = createError();
    if (turn === undefined) return { error, promise: rejected(error) };
    const refusal = { error, promise: handled(turn.then(() => rejected<never>(error))) };
    if (this.#shared === undefined) {
      this.#shared = new Map();
      void turn.then(() => (this.#shared = undefined));
    }
    this.#shared.set(kind, refusal);
    return refusal;
  }

  /** True if refusals of this kind share an error during the current turn of the event loop. */
  isShared(kind: unknown): boolean {
    return this.#shared?.has(kind) === true;
  }
}
