/** Keeps the pending `connect()`, `run()` and `close()` calls of a client and settles their promises. */
import type { Runtime } from "../../runtime/runtime.js";
import { handled, Wait, type WaitOptions } from "../../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../../runtime/linked-queue.js";
import type { CallSite } from "./call-site.js";

export interface PendingCallsHandler {
  /** True if a listener, an iteration or a `recv()` also receives the error that rejects `connect()` and `run()`. */
  readonly isWatched: boolean;
}

interface Call {
  readonly wait: Wait;
  /** Where the user called `connect()` or `run()`; undefined for other calls. */
  readonly site: CallSite | undefined;
}

/** The calls that wait until the client is connected or has ended. */
export class PendingCalls {
  readonly #runtime: Runtime;
  readonly #handler: PendingCallsHandler;
  // Each queue is created when its first call waits.
  #connects: LinkedQueue<Call> | undefined;
  #runs: LinkedQueue<Call> | undefined;
  #closes: LinkedQueue<Call> | undefined;

  constructor(runtime: Runtime, handler: PendingCallsHandler) {
    this.#runtime = runtime;
    this.#handler = handler;
  }

  /**
   * @param onCancel - Called when the signal or the timeout of the call ends it.
   * @param site - If given, a rejection is left unhandled unless something else also receives the error.
   */
  connect(
    operation: string,
    options: WaitOptions | undefined,
    onCancel: (reason: unknown) => void,
    site?: CallSite,
  ): Promise<void> {
    return this.#add(operation, options, (this.#connects ??= new LinkedQueue()), site, onCancel);
  }

  /** @param site - See {@link connect}. */
  run(options: WaitOptions | undefined, site?: CallSite): Promise<void> {
    return this.#add("run", options, (this.#runs ??= new LinkedQueue()), site);
  }

  close(options: WaitOptions | undefined): Promise<void> {
    return this.#add("close", options, (this.#closes ??= new LinkedQueue()));
  }

  #add(
    operation: string,
    options: WaitOptions | undefined,
    queue: LinkedQueue<Call>,
    site?: CallSite,
    onCancel?: (reason: unknown) => void,
  ): Promise<void> {
    const isHandled = site === undefined;
    const wait: Wait = new Wait(
      this.#runtime,
      operation,
      options,
      (reason) => {
        queue.remove(node);
        afterRejection(node.item, reason, this.#handler.isWatched);
        onCancel?.(reason);
      },
      isHandled,
    );
    const node: LinkedQueueNode<Call> = queue.add({ wait, site });
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

  /** Resolves the `connect()` calls, because a connection is open. */
  onConnected(): void {
    settleAll(this.#takeConnects(), ({ wait }) => wait.resolve());
  }

  /** Rejects the `connect()` calls, because the first attempt failed. The `run()` calls continue to wait. */
  rejectConnects(error: unknown): void {
    const { isWatched } = this.#handler;
    settleAll(this.#takeConnects(), (call) => reject(call, error, isWatched));
  }

  #takeConnects(): LinkedQueue<Call> | undefined {
    const connects = this.#connects;
    this.#connects = undefined;
    return connects;
  }

  /**
   * Removes the calls of a run that ends. Calls that listeners make while the end is reported belong to the next run.
   */
  takeEnded(): { settle(isClosed: boolean, error: unknown, isWatched: boolean): void } {
    const connects = this.#takeConnects();
    const runs = this.#runs;
    this.#runs = undefined;
    const settle = (isClosed: boolean, error: unknown, isWatched: boolean): void => {
      settleAll(connects, (call) => reject(call, error, isWatched));
      settleAll(runs, (call) => {
        if (isClosed) call.wait.resolve();
        else reject(call, error, isWatched);
      });
    };
    return { settle };
  }

  /** Resolves the `close()` calls. */
  onClosed(): void {
    const closes = this.#closes;
    this.#closes = undefined;
    settleAll(closes, ({ wait }) => wait.resolve());
  }
}

function reject(call: Call, error: unknown, isWatched: boolean): void {
  call.wait.reject(error);
  afterRejection(call, error, isWatched);
}

/**
 * Marks the promise as handled if something else receives the error. Otherwise the caller must handle the rejection.
 */
function afterRejection({ wait, site }: Call, error: unknown, isWatched: boolean): void {
  site?.appendTo(error);
  if (isWatched) void handled(wait.promise);
}

function isWaiting(waits: LinkedQueue<Call> | undefined): boolean {
  return waits !== undefined && waits.length > 0;
}

function settleAll(calls: LinkedQueue<Call> | undefined, settle: (call: Call) => void): void {
  for (let call = calls?.shift(); call !== undefined; call = calls?.shift()) settle(call);
}
