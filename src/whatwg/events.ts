/**
 * The events `MessageEvent` and `CloseEvent`. Node has `MessageEvent` with other members on each version, and
 * `CloseEvent` only since Node 23. This module does not dispatch events.
 */
import { exposeInterface, requireArgument, toDomString, toShort, toUsvString } from "./web-idl.js";

/** The common members of the second argument of event constructors. */
interface EventDictionary {
  readonly bubbles?: boolean;
  readonly cancelable?: boolean;
  readonly composed?: boolean;
}

/** The second argument of `new MessageEvent()`. */
export interface MessageEventInit extends EventDictionary {
  /** Default `null`. */
  readonly data?: unknown;
  /** Default: empty. */
  readonly origin?: string;
  /** Default: empty. */
  readonly lastEventId?: string;
  /** Default `null`. */
  readonly source?: object | null;
  /** Default: no ports. */
  readonly ports?: Iterable<object>;
}

/** The second argument of `new CloseEvent()`. */
export interface CloseEventInit extends EventDictionary {
  /** Default `false`. */
  readonly wasClean?: boolean;
  /** Default 0. */
  readonly code?: number;
  /** Default: empty. */
  readonly reason?: string;
}

const noPorts: readonly object[] = Object.freeze([]);

/** The values of a `MessageEvent`. */
class MessageValues {
  readonly data: unknown;
  readonly origin: string;
  readonly lastEventId: string;
  readonly source: object | null;
  readonly ports: readonly object[];

  constructor(
    data: unknown,
    origin: string,
    lastEventId: string = "",
    source: object | null = null,
    ports: readonly object[] = noPorts,
  ) {
    this.data = data;
    this.origin = origin;
    this.lastEventId = lastEventId;
    this.source = source;
    this.ports = ports;
  }
}

/** @throws TypeError for anything but a `MessagePort`, which is the only possible source in Node. */
function toPort(value: unknown): object {
  if (value instanceof MessagePort) return value;
  throw new TypeError("The source and the ports of a MessageEvent must be MessagePorts.");
}

/** Converts the second argument of `new MessageEvent()`. */
function valuesOf(init: MessageEventInit | null): MessageValues {
  const { data = null, origin = "", lastEventId = "", source = null, ports } = init ?? {};
  return new MessageValues(
    data,
    toUsvString(origin),
    toDomString(lastEventId),
    source === null ? null : toPort(source),
    // Web IDL: a string is no sequence, although it can be iterated.
    ports === undefined
      ? noPorts
      : Object.freeze((typeof ports === "string" ? [ports] : [...ports]).map(toPort)),
  );
}

/** Web IDL: each object may be a dictionary. The class `Event` of Node does not accept arrays and functions. */
function eventDictionary(init: EventDictionary | null): EventDictionary {
  const isObject = typeof init === "object" || typeof init === "function";
  if (!isObject || init === null) return init as never;
  const { bubbles = false, cancelable = false, composed = false } = init;
  return { bubbles, cancelable, composed };
}

/** The event `message` of a socket. An instance is also an instance of the global `MessageEvent`. */
export class MessageEvent extends Event {
  readonly #values: MessageValues;

  static {
    exposeInterface(this, "MessageEvent", {});
  }

  /** @throws TypeError if an argument has the wrong type. */
  constructor(type: string, init: MessageEventInit = {}) {
    requireArgument(arguments, "The constructor of an event");
    // The values of a received message are not converted, because this constructor runs for each message.
    const isReceived = init instanceof MessageValues;
    super(type, isReceived ? undefined : eventDictionary(init));
    this.#values = isReceived ? init : valuesOf(init);
  }

  /** The message: a string for text; a Blob, an ArrayBuffer or a Buffer for binary data. */
  get data(): unknown {
    return this.#values.data;
  }

  /** The scheme, host and port of the URL of the socket. */
  get origin(): string {
    return this.#values.origin;
  }

  get lastEventId(): string {
    return this.#values.lastEventId;
  }

  get source(): object | null {
    return this.#values.source;
  }

  get ports(): readonly object[] {
    return this.#values.ports;
  }
}

/** Creates the event of a received message. */
export function createMessageEvent(data: unknown, origin: string): MessageEvent {
  return new MessageEvent("message", new MessageValues(data, origin));
}

/** The event `close` of a socket. An instance is also an instance of the global `CloseEvent`, if there is one. */
export class CloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  static {
    exposeInterface(this, "CloseEvent", {});
  }

  /** @throws TypeError if an argument has the wrong type. */
  constructor(type: string, init: CloseEventInit = {}) {
    requireArgument(arguments, "The constructor of an event");
    super(type, eventDictionary(init));
    const { wasClean = false, code = 0, reason = "" } = (init as typeof init | null) ?? {};
    this.#wasClean = !!(wasClean as unknown);
    this.#code = toShort(code);
    this.#reason = toUsvString(reason);
  }

  /** Whether both sides have sent a Close frame. */
  get wasClean(): boolean {
    return this.#wasClean;
  }

  /** The code in the Close frame of the peer; 1005 for a frame without a code, and 1006 without such a frame. */
  get code(): number {
    return this.#code;
  }

  /** The reason in the Close frame of the peer. */
  get reason(): string {
    return this.#reason;
  }
}

let areLinked = false;

/**
 * Makes the events instances of the global classes of the same name. A socket calls this function when it is created,
 * and not when the module is loaded, because reading the global classes makes Node load much code.
 */
export function linkToGlobalEvents(): void {
  if (areLinked) return;
  areLinked = true;
  const globals = globalThis as unknown as Record<string, { readonly prototype?: unknown } | undefined>;
  for (const type of [MessageEvent, CloseEvent]) {
    const base = globals[type.name]?.prototype;
    // The runner of a test may have replaced the global class by this class.
    if (base instanceof Event && base !== type.prototype) Object.setPrototypeOf(type.prototype, base);
  }
}

/**
 * Creates the event `error`. The standard has no members for the cause, so that the event has the members `error` and
 * `message` of its own.
 */
export function createErrorEvent(error: Error): Event {
  const members = { error: { value: error }, message: { value: error.message } };
  return Object.defineProperties(new Event("error"), members);
}
