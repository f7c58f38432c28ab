import type { Runtime, Timer } from "./runtime.js";

/** One timer at a time. Whether it lets the process live holds for the one that is set and for those to come. */
export class RestartableTimer {
  readonly #runtime: Pick<Runtime, "setTimer">;
  #timer: Timer | undefined;
  #isReferenced: boolean;

  constructor(runtime: Pick<Runtime, "setTimer">, isReferenced: boolean = true) {
    this.#runtime = runtime;
    this.#isReferenced = isReferenced;
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** In the place of the one that is set; a timer that has fired counts as set until {@link clear}. */
  set(delay: number, callback: () => void): void {
    this.#timer?.clear();
    this.#timer = this.#runtime.setTimer(delay, callback);
    if (!this.#isReferenced) this.#timer.unref();
  }

  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  ref(): void {
    this.#isReferenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#timer?.unref();
  }
}
