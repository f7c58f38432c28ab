/**
 * The event objects that `addEventListener()` and the `on…` attributes of the class pass to listeners, and the methods
 * that add and remove such listeners. The events themselves are those of an EventEmitter.
 */
import type { EventEmitter } from "node:events";
import type { EventMap, ListenerObject, ListenerOptions } from "./types.js";

type AnyListener = ((event: never) => void) | ListenerObject<never>;

/** An event, with the names that the standard gives its attributes. */
class WebSocketEvent {
  readonly type: string;
  readonly target: unknown;

  constructor(type: string, target: unknown, attributes: object = {}) {
    this.type = type;
    this.target = target;
    Object.assign(this, attributes);
  }
}

/** What the emitter of an event knows about a connection. */
export interface EventSource extends EventEmitter {
  /** True if one Close frame was sent and one was received. */
  readonly endedCleanly: boolean;
}

/** Returns the attributes of an event object for the arguments of the emitted event. */
const attributesOf: {
  readonly [Name in keyof EventMap]: (source: EventSource, first: unknown, second: unknown) => object;
} = {
  open: () => ({}),
  message: (_source, data, isBinary) => ({ data: isBinary === true ? data : String(data) }),
  close: ({ endedCleanly: wasClean }, code, reason) => ({ wasClean, code, reason: String(reason) }),
  error: (_source, error) => ({ error, message: (error as Error).message }),
};

/** A listener of the emitter that calls a listener of `addEventListener()`. */
interface Wrapper {
  (this: EventSource, first: unknown, second: unknown): void;
  readonly original: AnyListener;
  /** True for the function of an `on…` attribute. */
  readonly isAttribute: boolean;
}

function isEventName(name: string): name is keyof EventMap {
  return Object.hasOwn(attributesOf, name);
}

function wrap(name: keyof EventMap, original: AnyListener, isAttribute: boolean): Wrapper {
  const call = function (this: EventSource, first: unknown, second: unknown): void {
    const event = new WebSocketEvent(name, this, attributesOf[name](this, first, second)) as never;
    if (typeof original === "object") original.handleEvent(event);
    else Reflect.apply(original, this, [event]);
  };
  return Object.assign(call, { original, isAttribute });
}

/** The listeners of `name` that this module has added. */
function wrappersOf(emitter: EventEmitter, name: string): Wrapper[] {
  // `rawListeners` would return the functions that `once` creates.
  return emitter.listeners(name).filter((one): one is Wrapper & typeof one => "isAttribute" in one);
}

/** Adds a listener unless it is there already. Events that are not in {@link EventMap} are ignored. */
export function addListener(
  emitter: EventEmitter,
  name: string,
  listener: AnyListener | null | undefined,
  options: ListenerOptions = {},
): void {
  const isCallable = typeof listener === "function" || (typeof listener === "object" && listener !== null);
  if (!isCallable || !isEventName(name)) return;
  if (wrappersOf(emitter, name).some((one) => one.original === listener && !one.isAttribute)) return;
  const wrapper = wrap(name, listener, false);
  if (options.once === true) emitter.once(name, wrapper);
  else emitter.on(name, wrapper);
}

export function removeListener(emitter: EventEmitter, name: string, listener: unknown): void {
  const wrapper = wrappersOf(emitter, name).find((one) => one.original === listener && !one.isAttribute);
  if (wrapper !== undefined) emitter.removeListener(name, wrapper);
}

/** Defines `onopen`, `onmessage`, `onclose` and `onerror`, with the value `null` until a function is assigned. */
export function defineAttributes(prototype: object): void {
  for (const name of Object.keys(attributesOf) as (keyof EventMap)[]) {
    const attributeOf = (emitter: EventEmitter): Wrapper | undefined =>
      wrappersOf(emitter, name).find((one) => one.isAttribute);
    Object.defineProperty(prototype, `on${name}`, {
      enumerable: true,
      configurable: true,
      get(this: EventEmitter) {
        return attributeOf(this)?.original ?? null;
      },
      set(this: EventEmitter, listener: unknown) {
        const current = attributeOf(this);
        if (current !== undefined) this.removeListener(name, current);
        if (typeof listener === "function") this.on(name, wrap(name, listener as AnyListener, true));
      },
    });
  }
}
