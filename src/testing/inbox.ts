import { brandInstances, JetSocketError } from "../../protocol/index.js";

interface Waiting {
  readonly resolve: (message: string | Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** The client has closed the connection, or it is gone: a script that waits for more of it ends here. */
export class ClientGoneError extends JetSocketError {
  static override readonly brand: symbol = Symbol.for("jetsocket.ClientGoneError");

  static {
    brandInstances(this, "ClientGoneError");
  }

  constructor() {
    super("The client is gone: the script waits for what cannot come.", { code: "CLIENT_GONE" });
  }
}

/** The messages of one client that the script has not taken. */
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

  /** Nothing more comes; the first error stays. */
  end(error: Error): void {
    this.#error ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error);
  }
}
