// Lets a socket be collected as the standard requires, although its connection fires events at it. It does not end the
// connection of a collected socket.
import { getEventListeners } from "node:events";
import type { SocketEvents } from "./socket-connection.js";
import { type ReadyState, states } from "./web-idl.js";

/** The standard, "garbage collection": the events whose listeners keep a socket alive, by `readyState`. */
const keepingEvents: Readonly<Record<number, readonly string[]>> = {
  [states.CONNECTING]: ["open", "message", "error", "close"],
  [states.OPEN]: ["message", "error", "close"],
  [states.CLOSING]: ["error", "close"],
  [states.CLOSED]: [],
};

/** An environment of tests, such as jsdom, replaces `EventTarget`, and does not show the listeners. */
function hasListeners(socket: EventTarget, name: string): boolean {
  try {
    return getEventListeners(socket, name).length > 0;
  } catch {
    return true;
  }
}

/** The reference of a connection to its socket. The reference is weak while no listener needs the socket. */
export class SocketReference implements SocketEvents {
  readonly #weak: WeakRef<EventTarget>;
  #kept: EventTarget | undefined;
  #readyState: ReadyState = states.CONNECTING;
  /** Set when a listener with the option `once` was added, which Node removes without a call. */
  hasOnce: boolean = false;

  constructor(socket: EventTarget) {
    this.#weak = new WeakRef(socket);
  }

  fire(event: Event): void {
    const socket = this.#kept ?? this.#weak.deref();
    // Not the method of the socket, which a program may have replaced.
    if (socket !== undefined) EventTarget.prototype.dispatchEvent.call(socket, event);
    if (this.hasOnce) this.update(this.#readyState);
  }

  /** Whether the reference is strong. */
  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  /** Must be called when listeners or the state have changed. */
  update(readyState: ReadyState): void {
    this.#readyState = readyState;
    const socket = this.#weak.deref();
    const isKept =
      socket !== undefined && keepingEvents[readyState]!.some((name) => hasListeners(socket, name));
    this.#kept = isKept ? socket : undefined;
  }
}
