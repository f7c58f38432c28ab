import type { Runtime } from "../runtime/runtime.js";
import { handled, rejected } from "../runtime/wait.js";
import { FairnessGate } from "./fairness-gate.js";

/** What a refusal counts for, in bytes, among what is accepted in one turn of the event loop: 64 of them end a turn. */
const refusalWork = 1024;

/** The error of a refused call, and the promise that the call returns. */
export interface Refusal {
  readonly error: unknown;
  readonly promise: Promise<never>;
}

/**
 * Gives the promises of refused calls. A rejected promise stays in memory until the microtasks have run, so that a
 * synchronous loop of millions of refused calls would keep millions of them. After 64 refusals in one turn of the event
 * loop, refusals of the same kind therefore share one error and one promise. That promise rejects in the next turn: a
 * loop that awaits nothing but refusals does not starve timers and I/O.
 */
export class Refusals {
  readonly #gate: FairnessGate;
  #shared: Map<unknown, Refusal> | undefined;

  constructor(runtime: Pick<Runtime, "now" | "afterTurn">) {
    this.#gate = new FairnessGate(runtime);
  }

  /**
   * @param kind - Two refusals of one kind may share an error.
   * @param createError - Called where the error is not shared yet; `isShared` where others are to share it.
   */
  refuse(kind: unknown, createError: (isShared: boolean) => unknown): Refusal {
    const shared = this.#shared?.get(kind);
    if (shared !== undefined) return shared;
    const turn = this.#gate.turn(refusalWork);
    const error = createError(turn !== undefined);
    if (turn === undefined) return { error, promise: rejected(error) };
    const refusal = { error, promise: handled(turn.then(() => rejected<never>(error))) };
    this.#share(kind, refusal, turn);
    return refusal;
  }

  #share(kind: unknown, refusal: Refusal, turn: Promise<void>): void {
    if (this.#shared === undefined) {
      this.#shared = new Map();
      void turn.then(() => (this.#shared = undefined));
    }
    this.#shared.set(kind, refusal);
  }
}
