/**
 * Reads the acknowledgements of one connection when they arrive, without consuming messages. It does not read messages
 * while no acknowledgement is expected, because each message is decoded twice while it reads.
 */
import type { SetupConnection } from "../index.js";
import { type Ack, ackKey } from "./acknowledgement.js";

export interface AckTapHandler {
  readAck(message: unknown): Ack | undefined;
  /** @returns `true` if the acknowledgement was expected. */
  onAck(ack: Ack): boolean;
}

/**
 * The `message` event of a client does not say on which connection a message arrived. During a rotation, two connections
 * acknowledge the same channels. A call of `recv()` whose `match` accepts no message sees all messages of one connection.
 */
export class AckTap {
  readonly #connection: SetupConnection<unknown, unknown>;
  readonly #handler: AckTapHandler;
  #controller: AbortController | undefined;
  /** The acknowledgements that were processed and that the client has not delivered yet: their number by key. */
  readonly #processed = new Map<string, number>();
  /**
   * The acknowledgements that were read. A new `recv()` reads the messages again that the client buffers while
   * `onConnection` runs.
   */
  readonly #read = new WeakSet();

  constructor(connection: SetupConnection<unknown, unknown>, handler: AckTapHandler) {
    this.#connection = connection;
    this.#handler = handler;
  }

  arm(): void {
    if (this.#controller !== undefined) return;
    const controller = new AbortController();
    this.#controller = controller;
    const match = (message: unknown): false => {
      if (this.#controller === controller) this.#onMessage(message);
      return false;
    };
    this.#connection.recv({ match, signal: controller.signal }).catch(() => {
      // The connection has ended, or the client buffers too many bytes for `onConnection`. In the latter case, the
      // acknowledgements are processed when the client delivers them.
      if (this.#controller === controller) this.#controller = undefined;
    });
  }

  disarm(): void {
    const controller = this.#controller;
    this.#controller = undefined;
    controller?.abort();
  }

  #onMessage(message: unknown): void {
    let ack: Ack | undefined;
    try {
      ack = this.#handler.readAck(message);
    } catch {
      // The error is reported when the client delivers the message.
      return;
    }
    if (ack === undefined) return;
    if (typeof message === "object" && message !== null) {
      if (this.#read.has(message)) return;
      this.#read.add(message);
    }
    const key = ackKey(ack);
    if (this.#handler.onAck(ack)) this.#processed.set(key, (this.#processed.get(key) ?? 0) + 1);
  }

  /** Returns whether the acknowledgement was processed, and forgets it. */
  take(ack: Ack): boolean {
    const key = ackKey(ack);
    const count = this.#processed.get(key);
    if (count === undefined) return false;
    if (count === 1) this.#processed.delete(key);
    else this.#processed.set(key, count - 1);
    return true;
  }
}
