// The pending calls of `flush()`. This module does not write messages, and it does not count waiting messages: the
// sender does.
import type { LiveConnection } from "../../connection/live-connection.js";
import type { Runtime } from "../../runtime/runtime.js";
import { Wait, type WaitOptions } from "../../runtime/wait.js";

export interface FlushCallsHost {
  /** The connection over which messages are sent; `undefined` while there is none. */
  readonly live: LiveConnection | undefined;
  /** The number of messages that wait in the outbox. */
  readonly waitingCount: number;
  /** The number of times that a connection returned unsent messages. */
  readonly returnCount: number;
}

/**
 * Each call first waits until the outbox is empty, and then until one connection has written all messages. If the
 * connection returns unsent messages, the call waits for the outbox again.
 */
export class FlushCalls {
  readonly #runtime: Runtime;
  readonly #host: FlushCallsHost;
  /** Calls that wait until the outbox is empty. */
  readonly #waiting = new Set<Wait>();
  /** Calls that wait for the writes of a connection. */
  readonly #writing = new Set<Wait>();

  constructor(runtime: Runtime, host: FlushCallsHost) {
    this.#runtime = runtime;
    this.#host = host;
  }

  /** @param live - A connection that still writes messages, even if it accepts no new messages. */
  add(live: LiveConnection | undefined, options: WaitOptions | undefined): Promise<void> {
    const wait: Wait = new Wait(this.#runtime, "flush", options, () => {
      this.#waiting.delete(wait);
      this.#writing.delete(wait);
    });
    if (live === undefined || this.#host.waitingCount > 0) this.#waiting.add(wait);
    else this.#awaitWrites(live, [wait]);
    return wait.promise;
  }

  /** When the outbox is empty, the calls that waited for the outbox begin to wait for the connection. */
  proceed(): void {
    const { live, waitingCount } = this.#host;
    if (live === undefined || waitingCount > 0 || this.#waiting.size === 0) return;
    const waits = [...this.#waiting];
    this.#waiting.clear();
    this.#awaitWrites(live, waits);
  }

  #awaitWrites(live: LiveConnection, waits: readonly Wait[]): void {
    const { returnCount } = this.#host;
    for (const wait of waits) this.#writing.add(wait);
    live.queue.flush(undefined).then(
      () => {
        const isFlushed = this.#host.returnCount === returnCount && this.#host.waitingCount === 0;
        if (!isFlushed) this.#waitAgain(live, waits);
        else for (const wait of waits) if (this.#writing.delete(wait)) wait.resolve();
      },
      () => this.#waitAgain(live, waits),
    );
  }

  /**
   * During the wait, messages were queued or were moved back to the outbox. The next connection may have accepted these
   * messages already.
   */
  #waitAgain(live: LiveConnection, waits: readonly Wait[]): void {
    for (const wait of waits) if (this.#writing.delete(wait)) this.#waiting.add(wait);
    if (this.#host.live !== live) this.proceed();
  }

  /** Removes and returns all calls: first those that wait for a connection, then those that wait for the outbox. */
  takeAll(): Wait[] {
    const waits = [...this.#writing, ...this.#waiting];
    this.#writing.clear();
    this.#waiting.clear();
    return waits;
  }
}
