// Promises that a signal or a timeout can reject. They do not retry the operation.
import { TimeoutError } from "../errors.js";
import { onAbort } from "./abort.js";
import type { Runtime, Timer } from "./runtime.js";

/** Options of every call that waits. */
export interface WaitOptions {
  /** Ends the wait: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the promise rejects with a {@link TimeoutError}. Default: no limit. */
  readonly timeout?: number | undefined;
}

/** A promise that its owner settles, unless the caller's signal or timeout rejects it first. */
export class Wait<Value = void> {
  readonly promise: Promise<Value>;
  #resolve!: (value: Value) => void;
  #reject!: (reason: unknown) => void;
  #timer: Timer | undefined;
  #stopListening: (() => void) | undefined;
  #onCancel: ((reason: unknown) => void) | undefined;

  /**
   * @param onCancel - Called when the signal or the timeout ends the wait. It is not called if the signal is aborted
   *   already.
   * @param isHandled - If `true`, the promise never causes an unhandled rejection. If `false`, the promise causes an
   *   unhandled rejection if it rejects and the caller does not handle the rejection.
   */
  constructor(
    runtime: Pick<Runtime, "setTimer">,
    operation: string,
    options: WaitOptions | undefined,
    onCancel?: (reason: unknown) => void,
    isHandled: boolean = true,
  ) {
    const promise = new Promise<Value>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise = isHandled ? handled(promise) : promise;
    if (options?.signal?.aborted === true) {
      this.#reject(options.signal.reason);
      return;
    }
    this.#onCancel = onCancel;
    const signal = options?.signal;
    if (signal !== undefined) this.#stopListening = onAbort(signal, () => this.#cancel(signal.reason));
    if (options?.timeout !== undefined) this.#arm(runtime, operation, options.timeout);
  }

  #arm(runtime: Pick<Runtime, "setTimer">, operation: string, timeout: number): void {
    const message = `${operation}() took longer than the ${timeout} ms that its timeout allows.`;
    this.#timer = runtime.setTimer(timeout, () =>
      this.#cancel(new TimeoutError(message, { operation, timeoutMs: timeout })),
    );
  }

  #cancel(reason: unknown): void {
    const onCancel = this.#onCancel;
    this.reject(reason);
    onCancel?.(reason);
  }

  resolve(value: Value): void {
    this.#disarm();
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    this.#disarm();
    this.#reject(reason);
  }

  #disarm(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#onCancel = undefined;
  }
}

function noop(): undefined {
  return undefined;
}

/** Marks a promise as handled, so that its rejection is never an unhandled rejection. */
export function handled<Value>(promise: Promise<Value>): Promise<Value> {
  void promise.catch(noop);
  return promise;
}

/** Returns a rejected promise that is marked as handled. */
export function rejected<Value>(reason: unknown): Promise<Value> {
  return handled(Promise.reject<Value>(reason as Error));
}
