/**
 * Detects a refused call that the user cannot notice: its promise is not handled, and `error` had no listener. It does
 * not refuse calls and does not write the warning.
 */
import type { Runtime } from "../../runtime/runtime.js";

/**
 * A rejected promise that records whether it is handled. Code that handles a promise calls `then()`; so do `catch()` and
 * `Promise.all()`. `await` calls it because the class is not `Promise` itself.
 */
class WatchedPromise extends Promise<never> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  isHandled = false;

  override then<Value = never, Other = never>(
    onFulfilled?: ((value: never) => Value | PromiseLike<Value>) | null,
    onRejected?: ((reason: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<Value | Other> {
    this.isHandled = true;
    return super.then(onFulfilled, onRejected);
  }
}

export interface RefusedCallsHandler {
  warnUnhandled(error: unknown): void;
}

/**
 * Watches the promises of refused calls. One warning per client is sufficient, so at most one promise is watched in a turn
 * of the event loop, and none after the first unhandled one.
 */
export class RefusedCalls {
  readonly #runtime: Pick<Runtime, "afterTurn">;
  readonly #handler: RefusedCallsHandler;
  /** False while a promise is watched, and after the warning. */
  #isIdle = true;

  constructor(runtime: Pick<Runtime, "afterTurn">, handler: RefusedCallsHandler) {
    this.#runtime = runtime;
    this.#handler = handler;
  }

  /**
   * Call this if `error` had no listener.
   * @returns the promise that the call returns instead of `promise`, which is rejected with `error`.
   */
  watch(error: unknown, promise: Promise<never>): Promise<never> {
    if (!this.#isIdle) return promise;
    this.#isIdle = false;
    const watched = new WatchedPromise((_resolve, reject) => reject(error));
    // Prevents an unhandled rejection. The method of `Promise` is used, because the one above would set `isHandled`.
    void Promise.prototype.then.call(watched, undefined, () => undefined);
    this.#runtime.afterTurn(() => {
      this.#isIdle = watched.isHandled;
      if (!this.#isIdle) this.#handler.warnUnhandled(error);
    });
    return watched;
  }
}
