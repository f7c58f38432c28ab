import { RestartableTimer } from "../../runtime/restartable-timer.js";
import type { Runtime } from "../../runtime/runtime.js";

/** A pause of so long in which nobody reads is ended, so that a dead link and the peer's Close are seen. */
const maxIdlePause = 30_000;

export interface ReadingPauseHandler {
  /** Somebody has read since this was last asked; a loop that is open reads, however slowly. */
  wasRead(): boolean;
  /** Nobody reads. */
  onIdle(): void;
}

/** The pause of a consumer that is slower than its peer, from the first message too many on. */
export class ReadingPause {
  readonly #runtime: Runtime;
  readonly #handler: ReadingPauseHandler;
  #isOn = false;
  #isReferenced = true;
  /** From the first pause on. */
  #timer: RestartableTimer | undefined;
  #whenOver: (() => void)[] | undefined;

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

  /** The pause goes on, and nothing but its reader ends it. */
  stopTimer(): void {
    this.#timer?.clear();
  }

  end(): void {
    this.#timer?.clear();
    this.#isOn = false;
    const whenOver = this.#whenOver ?? [];
    this.#whenOver = undefined;
    for (const emit of whenOver) emit();
  }

  /** Resolves when it is over; at once where it is not on. */
  untilOver(): Promise<void> {
    if (!this.#isOn) return Promise.resolve();
    return new Promise((resolve) => (this.#whenOver ??= []).push(resolve));
  }

  /** Lets the process live while the reading is paused: the default. */
  ref(): void {
    this.#isReferenced = true;
    this.#timer?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#timer?.unref();
  }
}
