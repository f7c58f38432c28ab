/** Checks the options of channels and requests, and applies the defaults. */
import { nodeRuntime, type Runtime, WebSocket } from "../index.js";
import type { ChannelBounds } from "./channel-buffer.js";
import type {
  ChannelBufferOptions,
  ChannelsOptions,
  OpenOptions,
  RequestOptions,
  RequestsOptions,
  ShardOptions,
} from "./options.js";

/** The options of a feed. Messages have the type `unknown`: only the public functions know the types of the user. */
export interface ResolvedOptions {
  /** `undefined` for a feed that `requests()` has created. */
  readonly channels: ResolvedChannels | undefined;
  readonly idOf: ((message: unknown) => unknown) | undefined;
  readonly maxPending: number;
  readonly requestTimeout: number;
  readonly runtime: Runtime;
}

export interface ResolvedChannels {
  readonly channelOf: (message: unknown) => unknown;
  readonly subscribe: (names: readonly string[], id: number) => unknown;
  readonly unsubscribe: (names: readonly string[], id: number) => unknown;
  readonly isAck: ((message: unknown) => unknown) | undefined;
  readonly batchSize: number;
  /** Milliseconds; 0: until the end of the tick. */
  readonly batchDelay: number;
  /** Milliseconds between two messages; 0: no limit. */
  readonly interval: number;
  readonly ackTimeout: number;
  readonly onRefused: NonNullable<ChannelsOptions<unknown, unknown>["onRefused"]>;
  readonly backoff: { readonly base: number; readonly cap: number };
  readonly buffer: ChannelBounds;
  readonly shards: ShardOptions<unknown, unknown> | undefined;
}

const requestNames = ["idOf", "maxPending", "requestTimeout", "runtime"];
const channelNames = [
  ...["channelOf", "subscribe", "unsubscribe", "isAck", "batch", "rate", "ackTimeout", "onRefused"],
  ...["backoff", "buffer", "shards", ...requestNames],
];
/** The longest time that a timer of each runtime can wait: about 24 days. */
const maxTime = 2 ** 31 - 1;

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}

function wrong(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`The option "${name}" must be ${expected}, not ${describe(value)}.`);
}

/** Reads each own property once. @throws TypeError for a value that is not an object, and for an unknown name. */
function read(scope: string, given: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new TypeError(`The ${scope} must be an object, not ${describe(given)}.`);
  if (given instanceof WebSocket)
    throw new TypeError(`The ${scope} must be an object, not a client. Call attach(ws) of the result.`);
  // Without a prototype, so that a polluted `Object.prototype` adds no options.
  const own: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  Object.assign(own, given);
  const unknown = Object.keys(own).find((name) => !names.includes(name));
  if (unknown === undefined) return own;
  throw new TypeError(`Unknown name "${unknown}" in the ${scope}. Known: ${names.toSorted().join(", ")}.`);
}

type AnyFunction = (...values: readonly unknown[]) => never;

function required(name: string, value: unknown): AnyFunction {
  if (typeof value === "function") return value as AnyFunction;
  throw wrong(name, "a function", value);
}

function optional(name: string, value: unknown): AnyFunction | undefined {
  return value === undefined ? undefined : required(name, value);
}

function number(name: string, value: unknown, initial: number, min: number, max: number): number {
  if (value === undefined) return initial;
  if (typeof value !== "number") throw wrong(name, "a number", value);
  if (value >= min && value <= max) return value;
  throw new RangeError(`The option "${name}" must be a number from ${min} to ${max}, not ${value}.`);
}

function whole(name: string, value: unknown, initial: number, min: number): number {
  const result = number(name, value, initial, min, Number.MAX_SAFE_INTEGER);
  if (Number.isInteger(result)) return result;
  throw new RangeError(`The option "${name}" must be a whole number, not ${result}.`);
}

const overflows = ["dropOldest", "dropNewest", "conflate", "error"] as const;
const defaultMaxBytes = 4 * 1024 * 1024;
const defaultBounds: ChannelBounds = {
  capacity: 1_000,
  maxBytes: defaultMaxBytes,
  overflow: "dropOldest",
  keyOf: undefined,
};

function resolveBuffer(given: unknown, initial: ChannelBounds): ChannelBounds {
  if (given === undefined) return initial;
  if (typeof given === "number") return { ...initial, capacity: whole("buffer", given, 0, 1) };
  const options: ChannelBufferOptions<unknown> = read("option buffer", given, [
    "capacity",
    "maxBytes",
    "overflow",
    "keyOf",
  ]);
  const { overflow = "dropOldest" } = options;
  if (!overflows.includes(overflow)) {
    const hint = (overflow as string) === "pause" ? ", because all channels share the connection" : "";
    throw wrong("buffer.overflow", `one of ${overflows.join(", ")}${hint}`, overflow);
  }
  const keyOf = (overflow === "conflate" ? required : optional)("buffer.keyOf", options.keyOf);
  if (keyOf !== undefined && overflow !== "conflate")
    throw new TypeError('The option "buffer.keyOf" has an effect only with buffer.overflow "conflate".');
  return {
    capacity: whole("buffer.capacity", options.capacity, defaultBounds.capacity, 1),
    maxBytes: whole("buffer.maxBytes", options.maxBytes, defaultMaxBytes, 1),
    overflow,
    keyOf,
  };
}

function resolveBatch(given: unknown): Pick<ResolvedChannels, "batchSize" | "batchDelay"> {
  const { size, delay } =
    typeof given === "object" ? read("option batch", given, ["size", "delay"]) : { size: given };
  return {
    batchSize: whole(typeof given === "object" ? "batch.size" : "batch", size, 100, 1),
    batchDelay: number("batch.delay", delay, 0, 0, maxTime),
  };
}

function resolveShards(given: unknown): ShardOptions<unknown, unknown> | undefined {
  if (given === undefined) return undefined;
  const { maxPerConnection, connect } = read("option shards", given, ["maxPerConnection", "connect"]);
  return {
    maxPerConnection: whole("shards.maxPerConnection", maxPerConnection ?? Number.NaN, 1, 1),
    connect: required("shards.connect", connect),
  };
}

function resolveRequests(options: Readonly<Record<string, unknown>>): Omit<ResolvedOptions, "channels"> {
  const { runtime = nodeRuntime } = options;
  if (typeof runtime !== "object" || runtime === null) throw wrong("runtime", "a runtime", runtime);
  return {
    idOf: optional("idOf", options["idOf"]),
    maxPending: whole("maxPending", options["maxPending"], 10_000, 1),
    requestTimeout: number("requestTimeout", options["requestTimeout"], 30_000, 0, Infinity),
    runtime: runtime as Runtime,
  };
}

/** @throws TypeError or RangeError that names the option. */
export function resolveRequestsOptions(given: RequestsOptions<unknown>): ResolvedOptions {
  return { channels: undefined, ...resolveRequests(read("options of requests()", given, requestNames)) };
}

/** @throws TypeError or RangeError that names the option. */
export function resolveChannelsOptions(given: ChannelsOptions<unknown, unknown>): ResolvedOptions {
  const options = read("options of channels()", given, channelNames);
  const { onRefused = "giveUp", backoff = {}, rate } = options;
  if (onRefused !== "giveUp" && onRefused !== "retry" && typeof onRefused !== "function")
    throw wrong("onRefused", '"giveUp", "retry" or a function', onRefused);
  const { base, cap } = read("option backoff", backoff, ["base", "cap"]);
  const perSecond = number("rate", rate, Infinity, 0, Infinity);
  if (perSecond === 0) throw new RangeError('The option "rate" must be above 0.');
  const channels: ResolvedChannels = {
    channelOf: required("channelOf", options["channelOf"]),
    subscribe: required("subscribe", options["subscribe"]),
    unsubscribe: required("unsubscribe", options["unsubscribe"]),
    isAck: optional("isAck", options["isAck"]),
    ...resolveBatch(options["batch"]),
    interval: 1_000 / perSecond,
    ackTimeout: number("ackTimeout", options["ackTimeout"], 10_000, 1, maxTime),
    onRefused: onRefused as ResolvedChannels["onRefused"],
    backoff: {
      base: number("backoff.base", base, 1_000, 1, maxTime),
      cap: number("backoff.cap", cap, 60_000, 1, maxTime),
    },
    buffer: resolveBuffer(options["buffer"], defaultBounds),
    shards: resolveShards(options["shards"]),
  };
  return { channels, ...resolveRequests(options) };
}

/** @throws TypeError for a name that is not a string or is empty. */
export function checkName(name: string): void {
  if (typeof (name as unknown) === "string" && name !== "") return;
  throw new TypeError(`The name of a channel must be a string that is not empty, not ${describe(name)}.`);
}

/** @throws TypeError or RangeError that names the option. */
export function resolveOpen(given: OpenOptions<unknown> | undefined, initial: ChannelBounds): ChannelBounds {
  if (given === undefined) return initial;
  return resolveBuffer(read("options of open()", given, ["buffer"])["buffer"], initial);
}

/** Returns whether a value can be the id of a request. `NaN` and `Infinity` have no JSON form. */
export function isId(value: unknown): value is string | number {
  return typeof value === "string" || Number.isFinite(value);
}

export interface ResolvedRequest {
  readonly id: string | number | undefined;
  readonly matches: ((message: unknown) => unknown) | undefined;
  readonly timeout: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly retry: boolean;
}

/** @throws TypeError or RangeError that names the option. */
export function resolveRequest(given: RequestOptions<unknown> | undefined): ResolvedRequest {
  const names = ["id", "matches", "timeout", "signal", "retry"];
  const { id, matches, timeout, signal, retry = false } = read("options of request()", given ?? {}, names);
  if (id !== undefined && !isId(id)) throw wrong("id", "a string or a finite number", id);
  if (id !== undefined && matches !== undefined)
    throw new TypeError('A request has either the option "id" or the option "matches", not both.');
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrong("signal", "an AbortSignal", signal);
  if (typeof retry !== "boolean") throw wrong("retry", "true or false", retry);
  return {
    ...{ id, signal, retry },
    matches: optional("matches", matches),
    timeout: timeout === undefined ? undefined : number("timeout", timeout, 0, 0, Infinity),
  };
}
