import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";

/** The calls that wait for a turn in a client's life: its connection, its end. */
export class LifeCalls {
  readonly #runtime: Runtime;
  readonly #connects = new Set<Wait>();
  readonly #runs = new Set<Wait>();
  readonly #closes = new Set<Wait>();

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
      this.#connects.delete(wait);
      onCancel(reason);
    });
    this.#connects.add(wait);
    return wait.promise;
  }

  run(options: WaitOptions | undefined): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, "run", options, () => {
      this.#runs.delete(wait);
    });
    this.#runs.add(wait);
    return wait.promise;
  }

  close(options: WaitOptions | undefined): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, "close", options, () => this.#closes.delete(wait));
    this.#closes.add(wait);
    return wait.promise;
  }

  get hasConnects(): boolean {
    return this.#connects.size > 0;
  }

  get hasRuns(): boolean {
    return this.#runs.size > 0;
  }

  get isEmpty(): boolean {
    return this.#connects.size + this.#runs.size + this.#closes.size === 0;
  }

  /** A connection is there. */
  onConnected(): void {
    for (const wait of takeAll(this.#connects)) wait.resolve();
  }

  /** The first attempt has failed, and only `run()` goes on. */
  rejectConnects(error: unknown): void {
    for (const wait of takeAll(this.#connects)) wait.reject(error);
  }

  /** Takes the calls of a life that ends; those of the next one come while the end is told. */
  takeEnded(): { settle(isClosed: boolean, error: unknown): void } {
    const [connects, runs] = [takeAll(this.#connects), takeAll(this.#runs)];
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
    for (const wait of takeAll(this.#closes)) wait.resolve();
  }
}

function takeAll(waits: Set<Wait>): Wait[] {
  const all = [...waits];
  waits.clear();
  return all;
}
