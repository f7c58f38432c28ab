// The value of `bufferedAmount`. It does not send.
import type { Runtime, WebSocket } from "../index.js";

type CountedClient = Pick<WebSocket, "flush" | "state" | "bufferedAmount">;

/**
 * Counts the bytes of messages that were passed to `send()` and not yet to the network, without frame headers and before
 * compression. The count decreases only between two turns of the event loop.
 */
export class BufferedAmount {
  readonly #client: CountedClient;
  readonly #runtime: Pick<Runtime, "afterTurn">;
  readonly #hasOutbox: boolean;
  /** The bytes of messages that the client has accepted. */
  #accepted = 0;
  /** Those of {@link #accepted} that were passed to the network. */
  #transmitted = 0;
  /** The bytes of messages that are never sent. */
  #unsendable = 0;
  #isWatching = false;

  /** @param hasOutbox - Whether messages may wait in the client without counting in its `bufferedAmount`. */
  constructor(client: CountedClient, runtime: Pick<Runtime, "afterTurn">, hasOutbox: boolean) {
    this.#client = client;
    this.#runtime = runtime;
    this.#hasOutbox = hasOutbox;
  }

  get value(): number {
    return this.#accepted - this.#transmitted + this.#unsendable;
  }

  /** A message was passed to `send()` while no connection could send it, or the connection ended before it was sent. */
  addUnsendable(size: number): void {
    this.#unsendable += size;
  }

  /** The client has accepted a message. */
  addAccepted(size: number): void {
    this.#accepted += size;
    this.watch();
  }

  /** Waits for the accepted messages. Does nothing before `connect()` of the client, which sends nothing until then. */
  watch(): void {
    if (this.#isWatching || this.#accepted === this.#transmitted || this.#client.state === "idle") return;
    this.#isWatching = true;
    this.#runtime.afterTurn(this.#check);
  }

  /**
   * Usually the kernel has accepted all messages. Awaiting a promise instead would take 1.4 us for each turn with a
   * message (`send-tick-text-128B`).
   */
  readonly #check = (): void => {
    const { state, bufferedAmount } = this.#client;
    if (this.#hasOutbox || state !== "connected" || bufferedAmount > 0) void this.#watch();
    else {
      this.#transmitted = this.#accepted;
      this.#isWatching = false;
    }
  };

  /** A message that the client had accepted was dropped, and does not count any more. */
  remove(size: number): void {
    this.#transmitted += size;
  }

  /** The connection has ended, and {@link addUnsendable} was called for each message that was not sent. */
  end(): void {
    this.#transmitted = this.#accepted;
  }

  async #watch(): Promise<void> {
    try {
      while (this.#transmitted < this.#accepted) {
        const target = this.#accepted;
        await this.#client.flush();
        this.#transmitted = Math.max(this.#transmitted, target);
      }
      this.#isWatching = false;
    } catch {
      // The connection has ended.
    }
  }
}
