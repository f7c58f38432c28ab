import type { Listener } from "./event-map.js";
import { ListenerList, type ListenerListOwner } from "./listener-list.js";

export interface EmitterHandler<Events> {
  /** A listener has thrown, or rejected. */
  onListenerError(event: keyof Events, error: unknown): void;
}

/**
 * Calls listeners one after the other, in the order in which they were added. What one of them throws, or rejects
 * with, is told to the handler and touches neither the others nor the caller.
 */
export class Emitter<Events> implements ListenerListOwner {
  readonly #topics: { [Name in keyof Events]?: ListenerList<Events[Name]> } = {};
  readonly #handler: EmitterHandler<Events>;
  /** Of those events that have one. */
  #branches: Map<keyof Events, Pick<ListenerList<never>, "listeners" | "clear">> | undefined;
  #lastId = 0;

  constructor(handler: EmitterHandler<Events>) {
    this.#handler = handler;
  }

  /** The id of the listener that was added last. */
  get lastId(): number {
    return this.#lastId;
  }

  /** The listeners of one event, for as long as this lives. */
  topic<Name extends keyof Events>(name: Name): ListenerList<Events[Name]> {
    return (this.#topics[name] ??= new ListenerList<Events[Name]>(String(name), this));
  }

  /** Listeners who are told of an event in another way than the rest: by whoever holds on to this alone. */
  branch<Event>(name: keyof Events): ListenerList<Event> {
    const topic = new ListenerList<Event>(String(name), this);
    (this.#branches ??= new Map()).set(name, topic);
    return topic;
  }

  /** Called by its topics. */
  onListenerError(name: string, error: unknown): void {
    this.#handler.onListenerError(name as keyof Events, error);
  }

  /** @throws TypeError for a listener that is no function. */
  add<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>, isOnce: boolean): void {
    this.addTo(this.topic(name), listener, isOnce);
  }

  /** @throws as {@link add}. */
  addTo<Event>(topic: ListenerList<Event>, listener: Listener<Event>, isOnce: boolean): void {
    const given: unknown = listener;
    if (typeof given !== "function")
      throw new TypeError(`A listener of "${topic.name}" must be a function, not ${typeof given}.`);
    topic.add(listener, isOnce, ++this.#lastId);
  }

  remove<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#topics[name]?.remove(listener);
  }

  has(name: keyof Events): boolean {
    return this.#topics[name]?.isEmpty === false;
  }

  /** The names of the events that have listeners. */
  get names(): (keyof Events)[] {
    const known = [...Object.keys(this.#topics), ...(this.#branches?.keys() ?? [])] as (keyof Events)[];
    return [...new Set(known)].filter((name) => this.listeners(name).length > 0);
  }

  /** All listeners of an event: those of its branch come last. */
  listeners(name: keyof Events): Listener<never>[] {
    return [...(this.#topics[name]?.listeners ?? []), ...(this.#branches?.get(name)?.listeners ?? [])];
  }

  /** Removes all listeners of an event, or of every event. */
  clear(name?: keyof Events): void {
    for (const each of name === undefined ? this.names : [name]) {
      this.#topics[each]?.clear();
      this.#branches?.get(each)?.clear();
    }
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    this.#topics[name]?.emit(event);
  }
}
