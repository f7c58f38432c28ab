// The promises of refused calls. It does not decide which calls are refused.
import type { Runtime } from "../runtime/runtime.js";
import { handled, rejected } from "../runtime/wait.js";
import { FairnessGate } from "./fairness-gate.js";

/**
 * A refusal counts as this many bytes in the {@link FairnessGate}, so that 64 refusals end a turn of the event loop.
 */
const refusalWork = 1024;

/** The error of a refused call, and the promise that the call returns. */
export interface Refusal {
  readonly error: unknown;
  readonly promise: Promise<never>;
}

/**
 * Creates the promises of refused calls. A rejected promise stays in memory until the microtasks have run, so a
 * synchronous loop of millions of refused calls would keep millions of promises. Therefore, from the 64th refusal in
 * one turn of the event loop on, refusals of the same kind share one error and one promise. The shared promise rejects
 * in the next turn, so a loop that awaits only refusals does not starve timers and I/O.
 */
export class Refusals {
  readonly #gate: FairnessGate;
  #shared: Map<unknown, Refusal> | undefined;

  constructor(runtime: Pick<Runtime, "now" | "afterTurn">) {
    this.#gate = new FairnessGate(runtime);
  }

  /**
   * @param kind - Two refusals of one kind may share an error.
   * @param createError - Called if no shared error of this kind exists. `isShared` is true if later refusals will
   *   share it.
   */
  refuse(kind: unknown, createError: (isShared: boolean) => unknown): Refusal {
    const shared = this.#shared?.get(kind);
    if (shared !== undefined) return shared;
    const turn = this.#gate.nextTurn(refusalWork);
    const error = createError(turn !== undefined);
    if (turn === undefined) return { error, promise: rejected(error) };
    const refusal = { error, promise: handled(turn.then(() => rejected<never>(error))) };
    this.#share(kind, refusal, turn);
    return refusal;
  }

  /** `true` if further refusals of this kind in this turn of the event loop share an error. */
  isShared(kind: unknown): boolean {
    return this.#shared?.has(kind) === true;
  }

  #share(kind: unknown, refusal: Refusal, turn: Promise<void>): void {
    if (this.#shared === undefined) {
      this.#shared = new Map();
      void turn.then(() => (this.#shared = undefined));
    }
    this.#shared.set(kind, refusal);
  }
}
