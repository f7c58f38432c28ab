/** Keeps and calls the listeners of a feed or of a channel. It does not choose the events. */

/** A function that receives the events of one name. */
export type FeedListener<Event> = (event: Event) => unknown;

interface Entry {
  readonly listener: FeedListener<never>;
  readonly isOnce: boolean;
}

const none: readonly Entry[] = [];

/** Calls listeners in the order in which they were added. An error of a listener is reported, and is not thrown. */
export class Listeners<Events extends object> {
  readonly #names: readonly (keyof Events & string)[];
  readonly #onError: (name: string, thrown: unknown) => void;
  readonly #entries: { [Name in keyof Events]?: Entry[] } = {};
  /** The number of running calls of `emit`, which must not see additions. */
  #depth = 0;

  /** @param onError - Receives the name of the event whose listener has failed. */
  constructor(names: readonly (keyof Events & string)[], onError: (name: string, thrown: unknown) => void) {
    this.#names = names;
    this.#onError = onError;
  }

  /** @throws TypeError for an unknown event, and for a listener that is not a function. */
  add<Name extends keyof Events & string>(
    name: Name,
    listener: FeedListener<Events[Name]>,
    isOnce: boolean,
  ): void {
    this.#check(name);
    const given: unknown = listener;
    if (typeof given !== "function")
      throw new TypeError(`A listener of "${name}" must be a function, not ${typeof given}.`);
    const entries = this.#entries[name];
    if (entries === undefined || this.#depth > 0)
      this.#entries[name] = [...(entries ?? none), { listener, isOnce }];
    else entries.push({ listener, isOnce });
  }

  /** Removes the newest addition of a function. @throws TypeError for an unknown event. */
  remove<Name extends keyof Events & string>(name: Name, listener: FeedListener<Events[Name]>): void {
    this.#check(name);
    const entries = this.#entries[name] ?? none;
    const index = entries.findLastIndex((entry) => entry.listener === listener);
    if (index !== -1) this.#entries[name] = entries.toSpliced(index, 1);
  }

  #check(name: string): void {
    if ((this.#names as readonly string[]).includes(name)) return;
    const shown = typeof (name as unknown) === "string" ? JSON.stringify(name.slice(0, 100)) : typeof name;
    throw new TypeError(`There is no event ${shown}. The events are: ${this.#names.join(", ")}.`);
  }

  has(name: keyof Events): boolean {
    return (this.#entries[name]?.length ?? 0) > 0;
  }

  emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    // During this loop, `add` and `remove` replace the array, so a listener may call them.
    const entries = this.#entries[name] ?? none;
    this.#depth++;
    for (const entry of entries) {
      if (entry.isOnce) {
        const left: readonly Entry[] = this.#entries[name] ?? none;
        // A listener that emitted the same event has called this listener already.
        if (!left.includes(entry)) continue;
        this.#entries[name] = left.filter((other) => other !== entry);
      }
      this.#call(name, entry.listener as FeedListener<Events[Name]>, event);
    }
    this.#depth--;
  }

  #call<Event>(name: string, listener: FeedListener<Event>, event: Event): void {
    try {
      const result = listener(event);
      if (isThenable(result)) result.then(undefined, (error: unknown) => this.#onError(name, error));
    } catch (error) {
      this.#onError(name, error);
    }
  }
}

/** Returns whether a function returned a promise instead of a value. A rejection of the promise is ignored. */
export function isUnwantedPromise(value: unknown): boolean {
  if (!isThenable(value)) return false;
  // Without a handler, a rejection would end the process.
  value.then(undefined, () => undefined);
  return true;
}

/** Returns whether a value is a promise, also of another realm or of a library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
