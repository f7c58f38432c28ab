// The event handler attributes, such as `onmessage`, of one object. It does not convert the values of the attributes.

interface Handler {
  callback: object;
  readonly listener: (event: Event) => void;
}

/**
 * HTML, "event handlers": a handler is called at the position of the first value after `null`. A later value replaces the
 * callback at this position, and `null` removes it.
 */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, Handler>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get(type: string): object | null {
    return this.#handlers.get(type)?.callback ?? null;
  }

  set(type: string, callback: object | null): void {
    const current = this.#handlers.get(type);
    if (callback === null) {
      if (current !== undefined)
        EventTarget.prototype.removeEventListener.call(this.#target, type, current.listener);
      this.#handlers.delete(type);
    } else if (current !== undefined) {
      current.callback = callback;
    } else {
      const handler: Handler = { callback, listener: (event) => call(handler.callback, this.#target, event) };
      this.#handlers.set(type, handler);
      EventTarget.prototype.addEventListener.call(this.#target, type, handler.listener);
    }
  }
}

/** Web IDL: an object that is not callable is accepted as a handler, and does nothing. */
function call(callback: object, target: EventTarget, event: Event): void {
  if (typeof callback !== "function") return;
  // HTML, "the event handler processing algorithm": the return value `false` cancels the event.
  // Not `event.currentTarget`, which is `null` for all listeners but the first in Node.
  if (Reflect.apply(callback as (event: Event) => unknown, target, [event]) === false) event.preventDefault();
}
