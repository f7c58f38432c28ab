/** Runs `onConnection` for one connection, with a timeout and an abort signal. It does not close the connection. */
import { TimeoutError } from "../../errors.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";
import { toError } from "../../runtime/to-error.js";

export interface SetupHandler {
  onDone(): void;
  onFailed(error: Error): void;
}

/**
 * One call of `onConnection`. The first of these events ends the setup: `onConnection` returns, fails or times out, or
 * the setup is cancelled. Later events are ignored.
 */
export class Setup {
  readonly #handler: SetupHandler;
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  #isOver = false;

  constructor(runtime: Runtime, timeoutMs: number, handler: SetupHandler) {
    this.#handler = handler;
    this.#timer = runtime.setTimer(timeoutMs, () => {
      const message = `onConnection did not finish within ${timeoutMs} ms (setupTimeout).`;
      this.#fail(new TimeoutError(message, { operation: "onConnection", timeoutMs }));
    });
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

  #fail(error: Error): void {
    if (!this.#end()) return;
    this.#controller.abort(error);
    this.#handler.onFailed(error);
  }

  /** If `onConnection` still runs, aborts its signal. After this call, neither `onDone` nor `onFailed` is called. */
  cancel(): void {
    if (this.#end()) this.#controller.abort();
  }

  /** @returns `false` if the setup had ended already. */
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
