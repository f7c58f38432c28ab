// Pauses a client while too many bytes of messages wait for their events. It does not queue the messages.
import type { WebSocket } from "../index.js";

/** Bytes of waiting messages, or code units of text, above which no further message is decompressed. */
const maxWaitingSize = 1024 * 1024;

/** Counts the messages between their arrival and their event. A packet may contain many compressed messages. */
export class ReadingLimit {
  readonly #client: Pick<WebSocket, "pauseMessages">;
  #waitingSize = 0;
  #isPaused = false;

  constructor(client: Pick<WebSocket, "pauseMessages">) {
    this.#client = client;
  }

  /** A message has arrived. */
  add(message: string | Buffer): void {
    this.#waitingSize += message.length;
    if (this.#waitingSize > maxWaitingSize && !this.#isPaused) this.#pause(true);
  }

  /** The event of the message is fired now. */
  remove(message: string | Buffer): void {
    this.#waitingSize -= message.length;
    if (this.#isPaused && this.#waitingSize === 0) this.#pause(false);
  }

  #pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#client.pauseMessages(isPaused);
  }
}
