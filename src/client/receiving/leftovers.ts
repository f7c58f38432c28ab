import type { LiveConnection } from "../../connection/live-connection.js";

export interface LeftoversHandler {
  /** Nothing more is to be delivered for now. */
  isPaused(): boolean;
  /** Everything was delivered and done. */
  onDelivered(): void;
}

/**
 * What connections that are gone have received and not delivered, because a pause has stopped them: their bytes are decoded as
 * the reader makes room. What must come after such messages waits here with them, in order.
 */
export class Leftovers {
  readonly #handler: LeftoversHandler;
  readonly #queue: (LiveConnection | (() => void))[] = [];
  #isDelivering = false;

  constructor(handler: LeftoversHandler) {
    this.#handler = handler;
  }

  /** Messages wait for their delivery. Messages of other connections must wait too. */
  get isPending(): boolean {
    return this.#queue.length > 0;
  }

  /** The connection has ended: its rest follows what waits here. */
  add(live: LiveConnection | undefined): void {
    if (live?.hasLeftover === true && !this.#queue.includes(live)) this.#queue.push(live);
  }

  /** Calls `action` once all that waits here is delivered; at once where nothing does. */
  after(action: () => void): void {
    if (this.isPending) this.#queue.push(action);
    else action();
  }

  /** Delivers until the reading is paused, or nothing is left. */
  deliver(): void {
    if (this.#isDelivering || !this.isPending) return;
    this.#isDelivering = true;
    while (this.#queue.length > 0 && !this.#handler.isPaused()) {
      const [next] = this.#queue;
      if (typeof next !== "function") next!.resumeLeftover();
      if (typeof next !== "function" && next!.hasLeftover) break;
      // A listener may have had all of it discarded.
      if (this.#queue[0] !== next) continue;
      this.#queue.shift();
      if (typeof next === "function") next();
    }
    this.#isDelivering = false;
    if (this.#queue.length === 0) this.#handler.onDelivered();
  }

  /** The reading is paused. */
  pause(): void {
    const [next] = this.#queue;
    if (typeof next !== "function") next?.pauseLeftover();
  }

  /** Discards the messages, and does what waits for them. */
  discard(): void {
    for (const one of this.#queue) if (typeof one !== "function") one.dropLeftover();
    this.#drain();
  }

  /** Delivers all of it now: nothing pauses any more. What cannot be delivered inside a delivery is discarded. */
  flush(): void {
    this.deliver();
    if (this.isPending) this.discard();
  }

  #drain(): void {
    while (this.isPending) {
      const next = this.#queue.shift();
      if (typeof next === "function") next();
    }
    if (!this.#isDelivering) this.#handler.onDelivered();
  }
}
