import type { Listener } from "./event-map.js";
import { Topic } from "./topic.js";

/**
 * Calls listeners one after the other, in the order in which they were added. What one of them throws, or rejects
 * with, is given to `onListenerError` and touches neither the others nor the caller.
 */
export class Emitter<Events> {
  readonly #topics: { [Name in keyof Events]?: Topic<Events[Name]> } = {};
  readonly #onListenerError: (event: keyof Events, error: unknown) => void;
  #lastId = 0;

  constructor(onListenerError: (event: keyof Events, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  /** The id of the listener that was added last. */
  get lastId(): number {
    return this.#lastId;
  }

  /** The listeners of one event, for as long as this lives. */
  topic<Name extends keyof Events>(name: Name): Topic<Events[Name]> {
    return (this.#topics[name] ??= new Topic<Events[Name]>(String(name), (error) =>
      this.#onListenerError(name, error),
    ));
  }

  /** @throws TypeError for a listener that is no function. */
  add<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>, isOnce: boolean): void {
    const given: unknown = listener;
    if (typeof given !== "function")
      throw new TypeError(`A listener of "${String(name)}" must be a function, not ${typeof given}.`);
    this.topic(name).add(listener, isOnce, ++this.#lastId);
  }

  remove<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#topics[name]?.remove(listener);
  }

  has(name: keyof Events): boolean {
    return this.#topics[name]?.isEmpty === false;
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    this.#topics[name]?.emit(event);
  }
}
