import { AsyncResource } from "node:async_hooks";
import type { Listener } from "./event-map.js";

/** The async context that a listener was added in. It keeps no process alive, and says so to who looks for handles. */
class ListenerContext extends AsyncResource {
  hasRef(): boolean {
    return false;
  }
}

interface Entry {
  /** Later listeners have higher ones. */
  readonly id: number;
  readonly listener: Listener<unknown>;
  readonly context: ListenerContext;
  readonly isOnce: boolean;
  /** Of a listener for one event: it has had its event, and a list that is being walked may still hold it. */
  isSpent: boolean;
}

/**
 * Calls listeners one after the other, in the order in which they were added. What one of them throws, or rejects
 * with, is given to `onListenerError` and touches neither the others nor the caller.
 */
export class Emitter<Events> {
  readonly #entries = new Map<keyof Events, readonly Entry[]>();
  readonly #onListenerError: (event: keyof Events, error: unknown) => void;
  #lastId = 0;

  constructor(onListenerError: (event: keyof Events, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** The id of the listener that was added last. */
  get lastId(): number {
    return this.#lastId;
  }

  /** @throws TypeError for a listener that is no function. */
  add<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>, isOnce: boolean): void {
    const given: unknown = listener;
    if (typeof given !== "function")
      throw new TypeError(`A listener of "${String(name)}" must be a function, not ${typeof given}.`);
    const entry: Entry = {
      id: ++this.#lastId,
      listener: listener as Listener<unknown>,
      context: new ListenerContext(`jetsocket:${String(name)}`),
      isOnce,
      isSpent: false,
    };
    // A list is never changed, so that one that is being walked stays as it is.
    this.#entries.set(name, [...this.#listenersOf(name), entry]);
  }

  remove<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    const entries = this.#listenersOf(name);
    const index = entries.findLastIndex((entry) => entry.listener === listener);
    if (index !== -1) this.#set(name, entries.toSpliced(index, 1));
  }

  has(name: keyof Events): boolean {
    return this.#entries.has(name);
  }

  /** `true` where a listener waits for more than one event. */
  hasLasting(name: keyof Events): boolean {
    return this.#listenersOf(name).some((entry) => !entry.isOnce);
  }

  /** @param afterId - Listeners up to this id have had the event already. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name], afterId: number = 0): void {
    for (const entry of this.#listenersOf(name)) {
      if (entry.isSpent || entry.id <= afterId) continue;
      if (entry.isOnce) this.#spend(name, entry);
      this.#call(name, entry, event);
    }
  }

  #spend(name: keyof Events, entry: Entry): void {
    entry.isSpent = true;
    this.#set(
      name,
      this.#listenersOf(name).filter((other) => other !== entry),
    );
  }

  #call<Name extends keyof Events>(name: Name, entry: Entry, event: Events[Name]): void {
    try {
      const result: unknown = entry.context.runInAsyncScope(entry.listener, undefined, event);
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#onListenerError(name, error));
    } catch (error) {
      this.#onListenerError(name, error);
    }
  }

  #listenersOf(name: keyof Events): readonly Entry[] {
    return this.#entries.get(name) ?? [];
  }

  #set(name: keyof Events, entries: readonly Entry[]): void {
    if (entries.length === 0) this.#entries.delete(name);
    else this.#entries.set(name, entries);
  }
}

/** A promise of this realm or another, or of a library's own. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
