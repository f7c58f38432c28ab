/**
 * Keeps the received messages that a script has not consumed yet. This module does not limit the number of messages.
 */
import { brandInstances, JetSocketError } from "../../protocol/index.js";

interface Waiting {
  readonly resolve: (message: string | Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** The client closed the connection or disconnected while a script waited for it. */
export class ClientGoneError extends JetSocketError {
  static override readonly brand: symbol = brandInstances(this, "ClientGoneError");

  constructor() {
    super("The client has disconnected: the script waits for a message that cannot arrive.", {
      code: "CLIENT_GONE",
    });
  }
}

/** A queue of messages of one client, with pending calls of `receive()`. */
export class MessageInbox {
  readonly #messages: (string | Buffer)[] = [];
  readonly #waiting: Waiting[] = [];
  #error: Error | undefined;

  add(message: string | Buffer): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#messages.push(message);
    else waiting.resolve(message);
  }

  take(): Promise<string | Buffer> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Rejects the pending calls of `take()`, and later calls when the queue is empty. Only the first error is used. */
  end(error: Error): void {
    this.#error ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error);
  }
}
