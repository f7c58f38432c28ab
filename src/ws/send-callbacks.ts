/** Calls the callbacks of `send()`, `ping()` and `pong()`. It does not send. */
import { nodeRuntime } from "../index.js";
import type { SendCallback } from "./types.js";

/**
 * Calls a function of the application. Its exception becomes an uncaught exception, as an exception in a listener of a
 * socket does, and does not reach the code that received the data.
 */
export function callSafely(call: () => void): void {
  try {
    call();
  } catch (thrown) {
    throwLater(thrown);
  }
}

/** Throws in the next tick, which causes an uncaught exception. */
export function throwLater(thrown: unknown): void {
  nodeRuntime.defer(() => {
    throw thrown;
  });
}

/** The callbacks of one connection, in the order of the calls. All callbacks of a tick wait together. */
export class SendCallbacks {
  readonly #flush: () => Promise<void>;
  #waiting: SendCallback[] = [];

  /** @param flush - Resolves when all data so far was passed to the kernel. */
  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  add(callback: SendCallback): void {
    if (this.#waiting.push(callback) === 1) nodeRuntime.defer(() => this.#run());
  }

  #run(): void {
    const callbacks = this.#waiting;
    this.#waiting = [];
    const settle = (error?: Error): void => {
      for (const callback of callbacks) callSafely(() => callback(error));
    };
    this.#flush().then(
      () => settle(),
      (error: unknown) => settle(error as Error),
    );
  }
}
