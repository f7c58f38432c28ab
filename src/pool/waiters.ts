/** The calls that wait for a connection, in the order of the calls. It does not decide which connection they get. */
import type { SharedAborts } from "../channels/shared-abort.js";
import type { Runtime, Timer } from "../index.js";
import { PoolExhaustedError } from "./errors.js";

/** What a call waits for: a connection for itself, or one that several calls of `send()` share. */
export type WaiterKind = "lease" | "shared";

export interface Waiter<Value> {
  readonly kind: WaiterKind;
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: unknown) => void;
}

interface WaitLimits {
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
}

export class Waiters<Value> {
  readonly #runtime: Runtime;
  readonly #aborts: SharedAborts;
  /** A Set keeps the order of insertion, and removes in constant time. */
  readonly #waiting = new Set<Waiter<Value>>();
  #leaseCount = 0;

  constructor(runtime: Runtime, aborts: SharedAborts) {
    this.#runtime = runtime;
    this.#aborts = aborts;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** The number of connections that the waiting calls need. All calls of `send()` share one. */
  get demand(): number {
    return this.#leaseCount + (this.#waiting.size > this.#leaseCount ? 1 : 0);
  }

  get leaseCount(): number {
    return this.#leaseCount;
  }

  /** @param operation - The name of the call, for its error. */
  wait(kind: WaiterKind, operation: string, { signal, timeout }: WaitLimits): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = (): void => {
        this.#remove(waiter);
        timer?.clear();
        stopListening();
      };
      const waiter: Waiter<Value> = {
        kind,
        resolve: (value) => {
          settle();
          resolve(value);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      this.#waiting.add(waiter);
      if (kind === "lease") this.#leaseCount++;
      const stopListening = this.#aborts.add(signal, () => waiter.reject(signal?.reason));
      if (timeout < Infinity)
        timer = this.#runtime.setTimer(timeout, () => waiter.reject(exhausted(operation, timeout)));
    });
  }

  #remove(waiter: Waiter<Value>): void {
    if (this.#waiting.delete(waiter) && waiter.kind === "lease") this.#leaseCount--;
  }

  /** The call that has waited longest. */
  get first(): Waiter<Value> | undefined {
    return this.#waiting.values().next().value;
  }

  /** Resolves all calls of `send()` with one connection. @returns their number. */
  resolveShared(value: Value): number {
    const calls = [...this.#waiting].filter(({ kind }) => kind === "shared");
    for (const call of calls) call.resolve(value);
    return calls.length;
  }

  rejectAll(reason: unknown): void {
    for (const waiter of [...this.#waiting]) waiter.reject(reason);
  }
}

function exhausted(operation: string, timeoutMs: number): PoolExhaustedError {
  const message =
    `${operation}() of the pool got no connection within ${timeoutMs} ms. ` +
    "Release leases earlier, or raise max or acquireTimeout.";
  return new PoolExhaustedError(message, { operation, timeoutMs });
}
