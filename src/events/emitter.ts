import { AsyncResource } from "node:async_hooks";
import type { Listener } from "./event-map.js";

interface Entry {
  readonly listener: Listener<unknown>;
  /** Runs the listener in the async context that it was added in. */
  readonly context: AsyncResource;
  readonly isOnce: boolean;
}

/**
 * Calls listeners one after the other, in the order in which they were added. What one of them throws, or rejects
 * with, is given to `onListenerError` and touches neither the others nor the caller.
 */
export class Emitter<Events> {
  readonly #entries = new Map<keyof Events, readonly Entry[]>();
  readonly #onListenerError: (event: keyof Events, error: unknown) => void;

  constructor(onListenerError: (event: keyof Events, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  add<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>, isOnce: boolean): void {
    const entry: Entry = {
      listener: listener as Listener<unknown>,
      context: new AsyncResource(`jetsocket:${String(name)}`),
      isOnce,
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

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const entries = this.#entries.get(name);
    if (entries === undefined) return;
    for (const entry of entries) {
      if (entry.isOnce)
        this.#set(
          name,
          this.#listenersOf(name).filter((other) => other !== entry),
        );
      this.#call(name, entry, event);
    }
  }

  #call<Name extends keyof Events>(name: Name, entry: Entry, event: Events[Name]): void {
    try {
      const result: unknown = entry.context.runInAsyncScope(entry.listener, undefined, event);
      if (result instanceof Promise) result.catch((error: unknown) => this.#onListenerError(name, error));
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
