import { TimeoutError } from "../errors.js";
import type { Runtime, Timer } from "./runtime.js";

/** What every call that waits takes. */
export interface WaitOptions {
  /** Ends the waiting; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the waiting after this many milliseconds with a {@link TimeoutError}. Default: none. */
  readonly timeout?: number | undefined;
}

/** A promise that its owner settles, and that its caller's signal or timeout may settle first. */
export class Wait<Value = void> {
  readonly promise: Promise<Value>;
  #resolve!: (value: Value) => void;
  #reject!: (reason: unknown) => void;
  #timer: Timer | undefined;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  #onCancel: ((reason: unknown) => void) | undefined;

  /** @param onCancel - Called when signal or timeout has ended the waiting; not for a signal that is aborted already. */
  constructor(
    runtime: Pick<Runtime, "setTimer">,
    operation: string,
    options: WaitOptions | undefined,
    onCancel?: (reason: unknown) => void,
  ) {
    const promise = new Promise<Value>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise = handled(promise);
    if (options?.signal?.aborted === true) {
      this.#reject(options.signal.reason);
      return;
    }
    this.#onCancel = onCancel;
    if (options?.signal !== undefined) this.#listen(options.signal);
    if (options?.timeout !== undefined) this.#arm(runtime, operation, options.timeout);
  }

  #listen(signal: AbortSignal): void {
    this.#signal = signal;
    this.#onAbort = (): void => this.#cancel(signal.reason);
    signal.addEventListener("abort", this.#onAbort);
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
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#onAbort = undefined;
    this.#onCancel = undefined;
  }
}

/** Marks a promise of ours: one that nobody awaits is never an unhandled rejection. */
export function handled<Value>(promise: Promise<Value>): Promise<Value> {
  void promise.catch(() => undefined);
  return promise;
}

/** A promise that has failed. */
export function rejected<Value>(reason: unknown): Promise<Value> {
  return handled(Promise.reject<Value>(reason as Error));
}
