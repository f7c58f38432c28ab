/**
 * Keeps the listeners of all events of a client. This module does not check event names.
 */
import type { Listener } from "./event-map.js";
import { ListenerList, type ListenerErrorHandler } from "./listener-list.js";

/**
 * Calls the listeners of an event synchronously, in the order in which they were added. If a listener fails, the
 * handler receives the error. The remaining listeners are still called, and {@link emit} does not throw.
 */
export class Emitter<Events> {
  readonly #lists: { [Name in keyof Events]?: ListenerList<Events[Name]> } = {};
  readonly #handler: ListenerErrorHandler;
  /** The lists that {@link createSeparateList} has created, by event name. */
  #separateLists: Map<keyof Events, Pick<ListenerList<never>, "listeners" | "clear">> | undefined;
  #lastId = 0;

  constructor(handler: ListenerErrorHandler) {
    this.#handler = handler;
  }

  /** The id of the most recently added listener. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Returns the list of listeners of one event. The caller may keep the list: every call returns the same object. */
  listFor<Name extends keyof Events>(name: Name): ListenerList<Events[Name]> {
    return (this.#lists[name] ??= new ListenerList<Events[Name]>(String(name), this.#handler));
  }

  /**
   * Creates a second list of listeners for an event. {@link emit} does not call the listeners of this list: the caller
   * calls them.
   */
  createSeparateList<Event>(name: keyof Events): ListenerList<Event> {
    const list = new ListenerList<Event>(String(name), this.#handler);
    (this.#separateLists ??= new Map()).set(name, list);
    return list;
  }

  /** Adds a listener. @throws TypeError if the listener is not a function. */
  add<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>, isOnce: boolean): void {
    this.addTo(this.listFor(name), listener, isOnce);
  }

  /** Adds a listener to a list of this emitter. @throws TypeError if the listener is not a function. */
  addTo<Event>(list: ListenerList<Event>, listener: Listener<Event>, isOnce: boolean): void {
    const given: unknown = listener;
    if (typeof given !== "function")
      throw new TypeError(`A listener of "${list.name}" must be a function, not ${typeof given}.`);
    list.add(listener, isOnce, ++this.#lastId);
  }

  remove<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#lists[name]?.remove(listener);
  }

  has(name: keyof Events): boolean {
    return this.#lists[name]?.isEmpty === false;
  }

  /** The names of all events that have listeners. */
  get names(): (keyof Events)[] {
    const known = [...Object.keys(this.#lists), ...(this.#separateLists?.keys() ?? [])] as (keyof Events)[];
    return [...new Set(known)].filter((name) => this.listeners(name).length > 0);
  }

  /** Returns all listeners of an event. The listeners of a list from {@link createSeparateList} are last. */
  listeners(name: keyof Events): Listener<never>[] {
    return [...(this.#lists[name]?.listeners ?? []), ...(this.#separateLists?.get(name)?.listeners ?? [])];
  }

  /** Removes the listeners of the event `name`. Without `name`, removes the listeners of all events. */
  clear(name?: keyof Events): void {
    for (const each of name === undefined ? this.names : [name]) {
      this.#lists[each]?.clear();
      this.#separateLists?.get(each)?.clear();
    }
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    this.#lists[name]?.emit(event);
  }
}
