import { AsyncResource } from "node:async_hooks";
import type { Listener } from "./event-map.js";

/** A listener, with the async context that it was added in. It keeps no process alive, and says so to who looks for handles. */
class Entry<Event> extends AsyncResource {
  /** Later listeners have higher ones. */
  readonly id: number;
  readonly listener: Listener<Event>;
  readonly isOnce: boolean;
  /** Of a listener for one event: it has had its event, and a list that is being walked may still hold it. */
  isSpent = false;

  constructor(topic: string, listener: Listener<Event>, isOnce: boolean, id: number) {
    super(`jetsocket:${topic}`);
    this.id = id;
    this.listener = listener;
    this.isOnce = isOnce;
  }

  hasRef(): boolean {
    return false;
  }
}

export interface ListenerListOwner {
  /** A listener of the event of that name has thrown, or rejected. */
  onListenerError(name: string, error: unknown): void;
}

export interface ListenerListWatcher {
  /** A listener was added, or is gone. */
  onListenersChanged(): void;
}

const none: readonly never[] = [];

/** The listeners of one event. Who emits it for each message holds on to it, and looks nothing up. */
export class ListenerList<Event> {
  readonly name: string;
  watcher: ListenerListWatcher | undefined;
  readonly #owner: ListenerListOwner;
  /** A list is never changed, so that one that is being walked stays as it is. */
  #entries: readonly Entry<Event>[] = none;
  /** Where it is the only one, and waits for more than one event. */
  #only: Entry<Event> | undefined;
  #hasLasting = false;

  constructor(name: string, owner: ListenerListOwner) {
    this.name = name;
    this.#owner = owner;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** In the order in which they were added. */
  get listeners(): Listener<Event>[] {
    return this.#entries.map(({ listener }) => listener);
  }

  /** `true` where a listener waits for more than one event. */
  get hasLasting(): boolean {
    return this.#hasLasting;
  }

  add(listener: Listener<Event>, isOnce: boolean, id: number): void {
    // Not by a spread, which makes room for sixteen more: most events have one listener.
    this.#set(this.#entries.concat(new Entry(this.name, listener, isOnce, id)));
  }

  /** The id of the one that {@link remove} would take away; 0 where there is none. */
  idOf(listener: Listener<Event>): number {
    return this.#entries.findLast((entry) => entry.listener === listener)?.id ?? 0;
  }

  remove(listener: Listener<Event>): void {
    const index = this.#entries.findLastIndex((entry) => entry.listener === listener);
    if (index !== -1) this.#set(this.#entries.toSpliced(index, 1));
  }

  clear(): void {
    if (!this.isEmpty) this.#set(none);
  }

  /** @param afterId - Listeners up to this id have had the event already. */
  emit(event: Event, afterId: number = 0): void {
    const only = this.#only;
    if (only !== undefined) {
      if (only.id > afterId) this.#call(only, event);
      return;
    }
    for (const entry of this.#entries) {
      if (entry.isSpent || entry.id <= afterId) continue;
      if (entry.isOnce) this.#spend(entry);
      this.#call(entry, event);
    }
  }

  #spend(entry: Entry<Event>): void {
    entry.isSpent = true;
    this.#set(this.#entries.filter((other) => other !== entry));
  }

  #call(entry: Entry<Event>, event: Event): void {
    try {
      const result: unknown = entry.runInAsyncScope(entry.listener, undefined, event);
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#tellError(error));
    } catch (error) {
      this.#tellError(error);
    }
  }

  #tellError(error: unknown): void {
    this.#owner.onListenerError(this.name, error);
  }

  #set(entries: readonly Entry<Event>[]): void {
    this.#entries = entries;
    this.#hasLasting = entries.some((entry) => !entry.isOnce);
    this.#only = entries.length === 1 && this.#hasLasting ? entries[0] : undefined;
    this.watcher?.onListenersChanged();
  }
}

/** A promise of this realm or another, or of a library's own. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
