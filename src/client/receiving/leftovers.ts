// Schedules the delivery of the messages of ended connections. An ended connection has undecoded messages if reading
// was paused before its end. This module does not decode or store messages.
import type { LiveConnection } from "../../connection/live-connection.js";

export interface LeftoversHandler {
  /** `true` while no message may be delivered. */
  isPaused(): boolean;
  /** All messages were delivered and all queued actions were called. */
  onDelivered(): void;
}

/**
 * A queue of ended connections that still have messages, and of actions that must run after earlier messages. The
 * messages of a connection are decoded when the inbox has space.
 */
export class Leftovers {
  readonly #handler: LeftoversHandler;
  readonly #queue: (LiveConnection | (() => void))[] = [];
  #isDelivering = false;

  constructor(handler: LeftoversHandler) {
    this.#handler = handler;
  }

  /** `true` if the queue is not empty. Newer messages of open connections must then wait, too. */
  get isPending(): boolean {
    return this.#queue.length > 0;
  }

  /** Queues an ended connection that still has messages. */
  add(live: LiveConnection | undefined): void {
    if (live?.hasLeftover === true && !this.#queue.includes(live)) this.#queue.push(live);
  }

  /**
   * Calls `action` after all messages and actions that are in the queue now. If the queue is empty, calls `action`
   * immediately.
   */
  after(action: () => void): void {
    if (this.isPending) this.#queue.push(action);
    else action();
  }

  /** Delivers messages until reading is paused or the queue is empty. */
  deliver(): void {
    if (this.#isDelivering || !this.isPending) return;
    this.#isDelivering = true;
    while (this.#queue.length > 0 && !this.#handler.isPaused()) {
      const [next] = this.#queue;
      if (typeof next !== "function") next!.resumeLeftover();
      if (typeof next !== "function" && next!.hasLeftover) break;
      // A listener may have discarded the queue.
      if (this.#queue[0] !== next) continue;
      this.#queue.shift();
      if (typeof next === "function") next();
    }
    this.#isDelivering = false;
    if (this.#queue.length === 0) this.#handler.onDelivered();
  }

  /** Stops the delivery that is in progress. */
  pause(): void {
    const [next] = this.#queue;
    if (typeof next !== "function") next?.pauseLeftover();
  }

  /** Discards all messages and calls the queued actions. */
  discard(): void {
    for (const one of this.#queue) if (typeof one !== "function") one.dropLeftover();
    while (this.isPending) {
      const next = this.#queue.shift();
      if (typeof next === "function") next();
    }
    if (!this.#isDelivering) this.#handler.onDelivered();
  }

  /**
   * Delivers all messages now. The caller must first ensure that a full inbox no longer pauses reading. If this method
   * is called during a delivery, the remaining messages are discarded.
   */
  flush(): void {
    this.deliver();
    if (this.isPending) this.discard();
  }
}
