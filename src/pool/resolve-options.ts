/** Checks the options of a pool and of its calls, and applies the defaults. */
import {
  nodeRuntime,
  type Provided,
  type Runtime,
  type Url,
  WebSocket,
  type WebSocketOptions,
} from "../index.js";
import type { PooledConnection } from "./connection.js";
import type { AcquireOptions, PoolCloseOptions, PoolSettings, RefusedOption } from "./options.js";

type Hook = (connection: PooledConnection<unknown, unknown>, signal: AbortSignal) => unknown;

/** Messages have the type `unknown`: only the public class knows the types of the user. */
export interface ResolvedOptions {
  readonly endpoints: readonly Provided<Url>[];
  readonly min: number;
  readonly max: number;
  readonly idleTimeout: number;
  readonly maxAge: number;
  readonly acquireTimeout: number;
  readonly hookTimeout: number;
  readonly validate: Hook | undefined;
  readonly reset: Hook | undefined;
  readonly signal: AbortSignal | undefined;
  readonly runtime: Runtime;
  readonly client: WebSocketOptions<unknown, unknown>;
}

const refused: readonly RefusedOption[] = [
  ...(["reconnect", "retryInitial", "backoff", "shouldReconnect"] as const),
  ...(["maxConnectionAge", "rotation", "outbox", "replay"] as const),
];
/** The options of a pool that are not options of its clients. */
const names: readonly (keyof PoolSettings<never, never>)[] = [
  ...(["url", "endpoints", "min", "max", "idleTimeout", "maxAge", "acquireTimeout"] as const),
  ...(["hookTimeout", "validate", "reset"] as const),
];
/** What to use instead of an option that a pool refuses. */
const instead: Partial<Record<RefusedOption, string>> = {
  maxConnectionAge: " Use maxAge.",
  rotation: " Use maxAge.",
};

function describe(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}

function wrong(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`The option "${name}" must be ${expected}, not ${describe(value)}.`);
}

type Own = Readonly<Record<string, unknown>>;

/** Returns the own properties, without a prototype, so that a polluted `Object.prototype` adds no options. */
function own(scope: string, given: unknown): Own {
  if (typeof given === "object" && given !== null && !Array.isArray(given))
    return Object.assign(Object.create(null) as Record<string, unknown>, given);
  throw new TypeError(`The ${scope} must be an object, not ${describe(given)}.`);
}

function read(scope: string, given: unknown, names: readonly string[]): Own {
  const options = own(scope, given);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return options;
  throw new TypeError(`Unknown name "${unknown}" in the ${scope}. Known: ${names.toSorted().join(", ")}.`);
}

function hook(name: string, value: unknown): Hook | undefined {
  if (value === undefined || typeof value === "function") return value as Hook | undefined;
  throw wrong(name, "a function", value);
}

function number(name: string, value: unknown, initial: number, min: number, max: number = Infinity): number {
  if (value === undefined) return initial;
  if (typeof value !== "number") throw wrong(name, "a number", value);
  if (value >= min && value <= max) return value;
  throw new RangeError(`The option "${name}" must be a number from ${min} to ${max}, not ${value}.`);
}

function whole(name: string, value: unknown, initial: number, min: number, max?: number): number {
  const result = number(name, value, initial, min, max);
  if (Number.isInteger(result)) return result;
  throw new RangeError(`The option "${name}" must be a whole number, not ${result}.`);
}

function resolveEndpoints(url: unknown, endpoints: unknown): readonly Provided<Url>[] {
  if ((url === undefined) === (endpoints === undefined))
    throw new TypeError('A pool has either the option "url" or the option "endpoints".');
  if (endpoints === undefined) return [url as Url];
  if (!Array.isArray(endpoints) || endpoints.length === 0)
    throw wrong("endpoints", "an array with at least one URL", endpoints);
  return [...(endpoints as Url[])];
}

/** The constructor of a client checks its options and its URL, and opens nothing. */
function checkClient(endpoints: readonly Provided<Url>[], options: WebSocketOptions<unknown, unknown>): void {
  try {
    for (const endpoint of endpoints) new WebSocket(endpoint, { ...options, signal: undefined });
  } catch (error) {
    // The message lists the options of the client only.
    if (error instanceof TypeError && error.message.startsWith("Unknown option"))
      error.message += ` A pool also has: ${names.join(", ")}. It does not accept: ${refused.join(", ")}.`;
    throw error;
  }
}

/** @throws TypeError or RangeError that names the option, also for an option of the client. */
export function resolveOptions(given: PoolSettings<never, never>): ResolvedOptions {
  const {
    url,
    endpoints: list,
    min,
    max,
    idleTimeout,
    maxAge,
    acquireTimeout,
    hookTimeout,
    validate,
    reset,
    ...client
  } = own("options of createPool()", given) as Record<string, unknown>;
  for (const name of refused) {
    const value = client[name];
    if (value !== undefined && value !== false)
      throw new TypeError(`A pool does not accept the option "${name}".${instead[name] ?? ""} Remove it.`);
  }
  const endpoints = resolveEndpoints(url, list);
  const clientOptions: WebSocketOptions<unknown, unknown> = { ...client, reconnect: false };
  const most = whole("max", max, 10, 1, Number.MAX_SAFE_INTEGER);
  const resolved = {
    endpoints,
    max: most,
    min: whole("min", min, 0, 0, most),
    idleTimeout: number("idleTimeout", idleTimeout, 30_000, 1),
    maxAge: number("maxAge", maxAge, Infinity, 1),
    acquireTimeout: number("acquireTimeout", acquireTimeout, 30_000, 1),
    hookTimeout: number("hookTimeout", hookTimeout, 5_000, 1),
    validate: hook("validate", validate),
    reset: hook("reset", reset),
    signal: clientOptions.signal,
    runtime: clientOptions.runtime ?? nodeRuntime,
    client: clientOptions,
  };
  checkClient(endpoints, clientOptions);
  if (clientOptions.signal !== undefined && !(clientOptions.signal instanceof AbortSignal))
    throw wrong("signal", "an AbortSignal", clientOptions.signal);
  return resolved;
}

/** @throws TypeError or RangeError that names the option. */
export function resolveAcquire(
  given: AcquireOptions | undefined,
  acquireTimeout: number,
): { readonly signal: AbortSignal | undefined; readonly timeout: number } {
  const { signal, timeout } = read("options of acquire()", given ?? {}, ["signal", "timeout"]);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrong("signal", "an AbortSignal", signal);
  return { signal, timeout: number("timeout", timeout, acquireTimeout, 0) };
}

/** @throws TypeError or RangeError that names the option. */
export function resolveClose(given: PoolCloseOptions | undefined): number {
  const { timeout } = read("options of close()", given ?? {}, ["timeout"]);
  return number("timeout", timeout, 30_000, 0);
}
