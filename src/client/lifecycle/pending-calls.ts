import type { Runtime } from "../../runtime/runtime.js";
import { handled, Wait, type WaitOptions } from "../../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../../runtime/linked-queue.js";
import type { CallSite } from "./call-site.js";

export interface PendingCallsHandler {
  /** Somebody else is notified of the error that rejects `connect()` and `run()`: a listener, a loop or a `recv()`. */
  readonly isWatched: boolean;
}

interface Call {
  readonly wait: Wait;
  /** Where a `connect()` or `run()` of the user was made; other calls have none. */
  readonly site: CallSite | undefined;
}

/** The calls that wait for a turn in a client's life: its connection, its end. */
export class PendingCalls {
  readonly #runtime: Runtime;
  readonly #handler: PendingCallsHandler;
  /** There while somebody waits. */
  #connects: LinkedQueue<Call> | undefined;
  #runs: LinkedQueue<Call> | undefined;
  #closes: LinkedQueue<Call> | undefined;

  constructor(runtime: Runtime, handler: PendingCallsHandler) {
    this.#runtime = runtime;
    this.#handler = handler;
  }

  /**
   * @param onCancel - Its signal or timeout has ended a call.
   * @param site - Given for a call whose promise is left unhandled where nothing else is notified of its error.
   */
  connect(
    operation: string,
    options: WaitOptions | undefined,
    onCancel: (reason: unknown) => void,
    site?: CallSite,
  ): Promise<void> {
    return this.#enter(operation, options, (this.#connects ??= new LinkedQueue()), site, onCancel);
  }

  /** @param site - As for {@link connect}. */
  run(options: WaitOptions | undefined, site?: CallSite): Promise<void> {
    return this.#enter("run", options, (this.#runs ??= new LinkedQueue()), site);
  }

  close(options: WaitOptions | undefined): Promise<void> {
    return this.#enter("close", options, (this.#closes ??= new LinkedQueue()));
  }

  #enter(
    operation: string,
    options: WaitOptions | undefined,
    line: LinkedQueue<Call>,
    site?: CallSite,
    onCancel?: (reason: unknown) => void,
  ): Promise<void> {
    const isHandled = site === undefined;
    const wait: Wait = new Wait(
      this.#runtime,
      operation,
      options,
      (reason) => {
        line.leave(place);
        afterRejection(place.item, reason, this.#handler.isWatched);
        onCancel?.(reason);
      },
      isHandled,
    );
    const place: LinkedQueueNode<Call> = line.enter({ wait, site });
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
    settleAll(this.#takeConnects(), ({ wait }) => wait.resolve());
  }

  /** The first attempt has failed, and only `run()` goes on. */
  rejectConnects(error: unknown): void {
    const { isWatched } = this.#handler;
    settleAll(this.#takeConnects(), (call) => reject(call, error, isWatched));
  }

  #takeConnects(): LinkedQueue<Call> | undefined {
    const connects = this.#connects;
    this.#connects = undefined;
    return connects;
  }

  /** Takes the calls of a life that ends; those of the next one come while the end is told. */
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

/** Where nothing else is notified of the error, the promise is an unhandled rejection unless its caller handles it. */
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
