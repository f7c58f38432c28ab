/**
 * The ordered list of listeners of one event. A function that was added twice is called twice. The number of listeners
 * is not limited.
 */
import { AsyncResource } from "node:async_hooks";
import type { Listener } from "./event-map.js";

/**
 * A listener with the async context in which it was added. Tools that look for open handles find this object, because
 * it is an async resource, and call `hasRef()`. The result is `false`, because a listener does not keep the process
 * alive.
 */
class Entry<Event> extends AsyncResource {
  /** A number that increases with each added listener. */
  readonly id: number;
  readonly listener: Listener<Event>;
  readonly isOnce: boolean;
  /** True after a `once()` listener was called. An iteration in progress may still reach the removed listener. */
  wasCalled = false;

  constructor(event: string, listener: Listener<Event>, isOnce: boolean, id: number) {
    super(`jetsocket:${event}`);
    this.id = id;
    this.listener = listener;
    this.isOnce = isOnce;
  }

  hasRef(): boolean {
    return false;
  }
}

export interface ListenerErrorHandler {
  /** Called when a listener of the event `name` throws, or returns a promise that rejects. */
  onListenerError(name: string, error: unknown): void;
}

export interface ListenerListWatcher {
  /** Called after a listener was added or removed. */
  onListenersChanged(): void;
}

const none: readonly never[] = [];

/**
 * The listeners of one event. Code that emits an event for each message keeps the list, which avoids a lookup by name.
 */
export class ListenerList<Event> {
  readonly name: string;
  watcher: ListenerListWatcher | undefined;
  readonly #handler: ListenerErrorHandler;
  /** The array is replaced, never modified. An iteration in progress is therefore not affected. */
  #entries: readonly Entry<Event>[] = none;
  /** The listener, if there is exactly one and it was not added by `once()`. */
  #only: Entry<Event> | undefined;
  #hasLasting = false;

  constructor(name: string, handler: ListenerErrorHandler) {
    this.name = name;
    this.#handler = handler;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The listeners in the order in which they were added. */
  get listeners(): Listener<Event>[] {
    return this.#entries.map(({ listener }) => listener);
  }

  /** `true` if at least one listener was not added by `once()`. */
  get hasLasting(): boolean {
    return this.#hasLasting;
  }

  add(listener: Listener<Event>, isOnce: boolean, id: number): void {
    // A spread would allocate capacity for 16 more entries, but most events have one listener.
    this.#set(this.#entries.concat(new Entry(this.name, listener, isOnce, id)));
  }

  /** Returns the id of the listener that {@link remove} would remove; 0 if the function is not in the list. */
  idOf(listener: Listener<Event>): number {
    return this.#entries.findLast((entry) => entry.listener === listener)?.id ?? 0;
  }

  /** Removes the most recently added entry of a function. */
  remove(listener: Listener<Event>): void {
    const index = this.#entries.findLastIndex((entry) => entry.listener === listener);
    if (index !== -1) this.#set(this.#entries.toSpliced(index, 1));
  }

  clear(): void {
    if (!this.isEmpty) this.#set(none);
  }

  /** @param afterId - Listeners whose id is not above this number have already received the event, and are skipped. */
  emit(event: Event, afterId: number = 0): void {
    const only = this.#only;
    if (only !== undefined) {
      if (only.id > afterId) this.#call(only, event);
      return;
    }
    for (const entry of this.#entries) {
      if (entry.wasCalled || entry.id <= afterId) continue;
      if (entry.isOnce) {
        entry.wasCalled = true;
        this.#set(this.#entries.filter((other) => other !== entry));
      }
      this.#call(entry, event);
    }
  }

  #call(entry: Entry<Event>, event: Event): void {
    try {
      const result: unknown = entry.runInAsyncScope(entry.listener, undefined, event);
      if (isThenable(result))
        result.then(undefined, (error: unknown) => this.#handler.onListenerError(this.name, error));
    } catch (error) {
      this.#handler.onListenerError(this.name, error);
    }
  }

  #set(entries: readonly Entry<Event>[]): void {
    this.#entries = entries;
    this.#hasLasting = entries.some((entry) => !entry.isOnce);
    this.#only = entries.length === 1 && this.#hasLasting ? entries[0] : undefined;
    this.watcher?.onListenersChanged();
  }
}

/** Returns whether a value is a promise. Promises of another realm or of a library count too. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
