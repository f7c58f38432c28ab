/**
 * Detects refused calls whose promises are not handled. Without a listener for `error`, nothing else reports such a
 * refusal. This module does not refuse calls and does not write the warning.
 */
import type { Runtime } from "../../runtime/runtime.js";

/**
 * A rejected promise that records whether it is handled. `catch()` and `Promise.all()` call the method `then()` of this
 * class. `await` also calls that method, because this class is not `Promise` itself.
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
 * Watches the promises of refused calls. In each turn of the event loop, at most one promise is watched. Watching stops
 * after the first unhandled promise, because one warning per client is sufficient.
 */
export class RefusedCalls {
  readonly #runtime: Pick<Runtime, "afterTurn">;
  readonly #handler: RefusedCallsHandler;
  /**
   * True if the promise of the next refused call must be watched. False while another promise is watched, and after the
   * warning about an unhandled promise.
   */
  #isIdle = true;

  constructor(runtime: Pick<Runtime, "afterTurn">, handler: RefusedCallsHandler) {
    this.#runtime = runtime;
    this.#handler = handler;
  }

  /**
   * Call this if the event `error` had no listener.
   * @param promise - A promise that is rejected with `error`.
   * @returns the promise that the refused call must return instead of `promise`.
   */
  watch(error: unknown, promise: Promise<never>): Promise<never> {
    if (!this.#isIdle) return promise;
    this.#isIdle = false;
    const watched = new WatchedPromise((_resolve, reject) => reject(error));
    // This call prevents an unhandled rejection. It bypasses the method of WatchedPromise, which would set `isHandled`.
    void Promise.prototype.then.call(watched, undefined, () => undefined);
    this.#runtime.afterTurn(() => {
      this.#isIdle = watched.isHandled;
      if (!this.#isIdle) this.#handler.warnUnhandled(error);
    });
    return watched;
  }
}
