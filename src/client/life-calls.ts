import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";

/** The calls that wait for a turn in a client's life: its connection, its end. */
export class LifeCalls {
  readonly #runtime: Runtime;
  #connects: Wait[] = [];
  #runs: Wait[] = [];
  #closes: Wait[] = [];

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** @param onCancel - Its signal or timeout has ended a call. */
  connect(
    operation: string,
    options: WaitOptions | undefined,
    onCancel: (reason: unknown) => void,
  ): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, operation, options, (reason) => {
      this.#connects = this.#connects.filter((other) => other !== wait);
      onCancel(reason);
    });
    this.#connects.push(wait);
    return wait.promise;
  }

  run(options: WaitOptions | undefined): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, "run", options, () => {
      this.#runs = this.#runs.filter((other) => other !== wait);
    });
    this.#runs.push(wait);
    return wait.promise;
  }

  close(options: WaitOptions | undefined): Promise<void> {
    const wait = new Wait(this.#runtime, "close", options);
    this.#closes.push(wait);
    return wait.promise;
  }

  get hasConnects(): boolean {
    return this.#connects.length > 0;
  }

  get hasRuns(): boolean {
    return this.#runs.length > 0;
  }

  get isEmpty(): boolean {
    return this.#connects.length + this.#runs.length + this.#closes.length === 0;
  }

  /** A connection is there. */
  onConnected(): void {
    for (const wait of this.#connects.splice(0)) wait.resolve();
  }

  /** The first attempt has failed, and only `run()` goes on. */
  rejectConnects(error: unknown): void {
    for (const wait of this.#connects.splice(0)) wait.reject(error);
  }

  /** Takes the calls of a life that ends; those of the next one come while the end is told. */
  takeEnded(): { settle(isClosed: boolean, error: unknown): void } {
    const [connects, runs] = [this.#connects.splice(0), this.#runs.splice(0)];
    const settle = (isClosed: boolean, error: unknown): void => {
      for (const wait of connects) wait.reject(error);
      for (const wait of runs) {
        if (isClosed) wait.resolve();
        else wait.reject(error);
      }
    };
    return { settle };
  }

  onClosed(): void {
    for (const wait of this.#closes.splice(0)) wait.resolve();
  }
}
