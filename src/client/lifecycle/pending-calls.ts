/**
 * Keeps the pending `connect()`, `run()` and `close()` calls of a client, and settles their promises. It does not open
 * or close connections.
 */
import type { Runtime } from "../../runtime/runtime.js";
import { handled, Wait, type WaitOptions } from "../../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../../runtime/linked-queue.js";
import type { CallSite } from "./call-site.js";

export interface PendingCallsHandler {
  /** True if a listener, an iteration or a `recv()` also receives the error that rejects `connect()` and `run()`. */
  readonly isWatched: boolean;
  /** The signal or the timeout of a `connect()` has ended that call. */
  onConnectCancelled(reason: unknown): void;
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
   * @param operation - The name of the called method: `connect`, or `reconnect`, which waits in the same way.
   * @param site - The place of the call in the user's program. Without `site`, the returned promise is marked as
   * handled. With `site`, the promise is marked as handled only if a listener, an iteration or a `recv()` also receives
   * the error. If the promise is not marked as handled, Node reports a rejection that the caller does not handle.
   */
  connect(operation: string, options: WaitOptions | undefined, site?: CallSite): Promise<void> {
    const onCancel = (reason: unknown): void => this.#handler.onConnectCancelled(reason);
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
    const wait: Wait = new Wait(
      this.#runtime,
      operation,
      options,
      (reason) => {
        queue.remove(node);
        afterRejection(node.item, reason, this.#handler.isWatched);
        onCancel?.(reason);
      },
      site === undefined,
    );
    const node: LinkedQueueNode<Call> = queue.add({ wait, site });
    return wait.promise;
  }

  get hasConnects(): boolean {
    return (this.#connects?.length ?? 0) > 0;
  }

  get hasRuns(): boolean {
    return (this.#runs?.length ?? 0) > 0;
  }

  get isEmpty(): boolean {
    return !this.hasConnects && !this.hasRuns && (this.#closes?.length ?? 0) === 0;
  }

  /** Resolves the `connect()` calls, because a connection is open. */
  onConnected(): void {
    for (const { wait } of this.#takeConnects()?.takeAll() ?? []) wait.resolve();
  }

  /** Rejects the `connect()` calls, because the first attempt failed. The `run()` calls continue to wait. */
  rejectConnects(error: unknown): void {
    const { isWatched } = this.#handler;
    for (const call of this.#takeConnects()?.takeAll() ?? []) reject(call, error, isWatched);
  }

  #takeConnects(): LinkedQueue<Call> | undefined {
    const connects = this.#connects;
    this.#connects = undefined;
    return connects;
  }

  /**
   * Removes the `connect()` and `run()` calls of a run that ends. Calls that listeners make afterwards belong to the
   * next run.
   * @returns an object whose `settle()` settles the removed calls.
   */
  takeEnded(): { settle(isClosed: boolean, error: unknown, isWatched: boolean): void } {
    const connects = this.#takeConnects();
    const runs = this.#runs;
    this.#runs = undefined;
    return {
      settle(isClosed, error, isWatched) {
        for (const call of connects?.takeAll() ?? []) reject(call, error, isWatched);
        for (const call of runs?.takeAll() ?? []) {
          if (isClosed) call.wait.resolve();
          else reject(call, error, isWatched);
        }
      },
    };
  }

  /** Resolves the `close()` calls. */
  onClosed(): void {
    const closes = this.#closes;
    this.#closes = undefined;
    for (const { wait } of closes?.takeAll() ?? []) wait.resolve();
  }
}

function reject(call: Call, error: unknown, isWatched: boolean): void {
  call.wait.reject(error);
  afterRejection(call, error, isWatched);
}

/** Marks the promise as handled if `isWatched`. Otherwise the caller must handle the rejection. */
function afterRejection({ wait, site }: Call, error: unknown, isWatched: boolean): void {
  site?.appendTo(error);
  if (isWatched) void handled(wait.promise);
}
