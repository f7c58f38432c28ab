import type { Runtime } from "../runtime/runtime.js";
import { Wait, type WaitOptions } from "../runtime/wait.js";
import { WaitingLine } from "../runtime/waiting-line.js";

/** The calls that wait for a turn in a client's life: its connection, its end. */
export class LifeCalls {
  readonly #runtime: Runtime;
  /** There while somebody waits. */
  #connects: WaitingLine<Wait> | undefined;
  #runs: WaitingLine<Wait> | undefined;
  #closes: WaitingLine<Wait> | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** @param onCancel - Its signal or timeout has ended a call. */
  connect(
    operation: string,
    options: WaitOptions | undefined,
    onCancel: (reason: unknown) => void,
  ): Promise<void> {
    const line = (this.#connects ??= new WaitingLine());
    const wait: Wait = new Wait(this.#runtime, operation, options, (reason) => {
      line.leave(place);
      onCancel(reason);
    });
    const place = line.enter(wait);
    return wait.promise;
  }

  run(options: WaitOptions | undefined): Promise<void> {
    return this.#enter("run", options, (this.#runs ??= new WaitingLine()));
  }

  close(options: WaitOptions | undefined): Promise<void> {
    return this.#enter("close", options, (this.#closes ??= new WaitingLine()));
  }

  #enter(operation: string, options: WaitOptions | undefined, line: WaitingLine<Wait>): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, operation, options, () => line.leave(place));
    const place = line.enter(wait);
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
    settleAll(this.#takeConnects(), (wait) => wait.resolve());
  }

  /** The first attempt has failed, and only `run()` goes on. */
  rejectConnects(error: unknown): void {
    settleAll(this.#takeConnects(), (wait) => wait.reject(error));
  }

  #takeConnects(): WaitingLine<Wait> | undefined {
    const connects = this.#connects;
    this.#connects = undefined;
    return connects;
  }

  /** Takes the calls of a life that ends; those of the next one come while the end is told. */
  takeEnded(): { settle(isClosed: boolean, error: unknown): void } {
    const connects = this.#takeConnects();
    const runs = this.#runs;
    this.#runs = undefined;
    const settle = (isClosed: boolean, error: unknown): void => {
      settleAll(connects, (wait) => wait.reject(error));
      settleAll(runs, (wait) => {
        if (isClosed) wait.resolve();
        else wait.reject(error);
      });
    };
    return { settle };
  }

  onClosed(): void {
    const closes = this.#closes;
    this.#closes = undefined;
    settleAll(closes, (wait) => wait.resolve());
  }
}

function isWaiting(waits: WaitingLine<Wait> | undefined): boolean {
  return waits !== undefined && waits.length > 0;
}

function settleAll(waits: WaitingLine<Wait> | undefined, settle: (wait: Wait) => void): void {
  for (let wait = waits?.shift(); wait !== undefined; wait = waits?.shift()) settle(wait);
}
