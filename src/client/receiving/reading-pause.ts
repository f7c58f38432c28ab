// The state of a reading pause and its idle timer. It does not pause or resume connections itself.
import { RestartableTimer } from "../../runtime/restartable-timer.js";
import type { Runtime } from "../../runtime/runtime.js";

/**
 * A pause of reading ends after this number of milliseconds without an open iterator and without a `recv()` call.
 * Otherwise the paused connection could not detect a dead peer or a Close frame.
 */
const maxIdlePause = 30_000;

export interface ReadingPauseHandler {
  /** Returns `true` if `recv()` was called since the last call of `wasRead()`, or if an iterator is open. */
  wasRead(): boolean;
  /** No reader was active during the maximum idle time. */
  onIdle(): void;
}

/** A pause of reading. It begins when the inbox is full, and ends when the inbox has space again. */
export class ReadingPause {
  readonly #runtime: Runtime;
  readonly #handler: ReadingPauseHandler;
  #isOn = false;
  #isReferenced = true;
  /** Created with the first pause. */
  #timer: RestartableTimer | undefined;
  #overCallbacks: (() => void)[] | undefined;

  constructor(runtime: Runtime, handler: ReadingPauseHandler) {
    this.#runtime = runtime;
    this.#handler = handler;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  begin(): void {
    this.#isOn = true;
    this.#handler.wasRead();
    this.#watch();
  }

  #watch(): void {
    this.#timer ??= new RestartableTimer(this.#runtime, this.#isReferenced);
    this.#timer.set(maxIdlePause, () => {
      if (this.#handler.wasRead()) this.#watch();
      else this.#handler.onIdle();
    });
  }

  /** Stops the idle timer. After this call, the pause ends only when messages are read. */
  stopTimer(): void {
    this.#timer?.clear();
  }

  end(): void {
    this.#timer?.clear();
    this.#isOn = false;
    for (const callback of this.#overCallbacks?.splice(0) ?? []) callback();
  }

  /** Resolves when the pause is over; immediately if reading is not paused. */
  untilOver(): Promise<void> {
    if (!this.#isOn) return Promise.resolve();
    return new Promise((resolve) => (this.#overCallbacks ??= []).push(resolve));
  }

  /** Keeps the process running while reading is paused. This is the default. */
  ref(): void {
    this.#isReferenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#timer?.unref();
  }
}
