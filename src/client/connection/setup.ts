/** Runs `onConnection` for one connection, with a timeout and an abort signal. It does not close the connection. */
import { TimeoutError } from "../../errors.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";
import { toError } from "../../runtime/to-error.js";

export interface SetupHandler {
  onDone(): void;
  onFailed(error: Error): void;
}

/** One run of `onConnection`. It ends once: completed, failed, timed out or cancelled. Later results are ignored. */
export class Setup {
  readonly #timeout: number;
  readonly #handler: SetupHandler;
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  #isOver = false;

  constructor(runtime: Runtime, timeout: number, handler: SetupHandler) {
    this.#timeout = timeout;
    this.#handler = handler;
    this.#timer = runtime.setTimer(timeout, () => this.#onTimeout());
  }

  start(run: (signal: AbortSignal) => unknown): void {
    void this.#follow(run);
  }

  async #follow(run: (signal: AbortSignal) => unknown): Promise<void> {
    try {
      await run(this.#controller.signal);
    } catch (reason) {
      this.#fail(toError(reason, "onConnection"));
      return;
    }
    if (this.#end()) this.#handler.onDone();
  }

  #onTimeout(): void {
    const message = `onConnection did not finish within ${this.#timeout} ms (setupTimeout).`;
    this.#fail(new TimeoutError(message, { operation: "onConnection", timeoutMs: this.#timeout }));
  }

  #fail(error: Error): void {
    if (!this.#end()) return;
    this.#controller.abort(error);
    this.#handler.onFailed(error);
  }

  /** Call this when the connection ends or is not needed any more. No callback follows. */
  cancel(): void {
    if (this.#end()) this.#controller.abort();
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer.clear();
    return true;
  }

  ref(): void {
    this.#timer.ref();
  }

  unref(): void {
    this.#timer.unref();
  }
}
