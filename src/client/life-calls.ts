import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";

/** The calls that wait for a turn in a client's life: its connection, its end. */
export class LifeCalls {
  readonly #runtime: Runtime;
  /** There while somebody waits. */
  #connects: Set<Wait> | undefined;
  #runs: Set<Wait> | undefined;
  #closes: Set<Wait> | undefined;

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
      this.#connects?.delete(wait);
      onCancel(reason);
    });
    this.#connects ??= new Set();
    this.#connects.add(wait);
    return wait.promise;
  }

  run(options: WaitOptions | undefined): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, "run", options, () => this.#runs?.delete(wait));
    this.#runs ??= new Set();
    this.#runs.add(wait);
    return wait.promise;
  }

  close(options: WaitOptions | undefined): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, "close", options, () => this.#closes?.delete(wait));
    this.#closes ??= new Set();
    this.#closes.add(wait);
    return wait.promise;
  }

  get hasConnects(): boolean {
    return isWaiting(this.#connects);
  }

  get hasRuns(): boolean {
    return isWaiting(this.#runs);
  }

  get isEmpty(): boolean {
    return !this.hasConnects && !this.hasRuns && !isWaiting(this.#closes);
  }

  /** A connection is there. */
  onConnected(): void {
    for (const wait of this.#takeConnects()) wait.resolve();
  }

  /** The first attempt has failed, and only `run()` goes on. */
  rejectConnects(error: unknown): void {
    for (const wait of this.#takeConnects()) wait.reject(error);
  }

  #takeConnects(): Iterable<Wait> {
    const connects = this.#connects ?? [];
    this.#connects = undefined;
    return connects;
  }

  /** Takes the calls of a life that ends; those of the next one come while the end is told. */
  takeEnded(): { settle(isClosed: boolean, error: unknown): void } {
    const connects = this.#takeConnects();
    const runs = this.#runs ?? [];
    this.#runs = undefined;
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
    const closes = this.#closes ?? [];
    this.#closes = undefined;
    for (const wait of closes) wait.resolve();
  }
}

function isWaiting(waits: Set<Wait> | undefined): boolean {
  return waits !== undefined && waits.size > 0;
}
