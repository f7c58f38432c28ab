// The options of `ReconnectingWebSocket`, and the names that other packages use for them. The client checks the values.
import type { BackoffOptions, WebSocketOptions as ClientOptions } from "../index.js";
import { type AnyClientOptions, optionsOfConnections, type Unsupported } from "./client-options.js";

/** The options of reconnecting-websocket and partysocket that have a counterpart in this package. */
export interface CompatibleOptions {
  /** The same as `backoff.cap`. */
  readonly maxReconnectionDelay?: number | undefined;
  /** The same as `backoff.base`. */
  readonly minReconnectionDelay?: number | undefined;
  /** The same as `backoff.multiplier`. */
  readonly reconnectionDelayGrowFactor?: number | undefined;
  /** The same as `backoff.resetAfter`. */
  readonly minUptime?: number | undefined;
  /** The same as `connectTimeout`. */
  readonly connectionTimeout?: number | undefined;
  /** Number of retries after which no attempt follows. Default: no limit. */
  readonly maxRetries?: number | undefined;
  /** The same as `outbox.capacity`. With 0, messages without a connection are dropped. Default: no limit. */
  readonly maxEnqueuedMessages?: number | undefined;
  /** Whether the first attempt waits for a call of `reconnect()`. Default `false`. */
  readonly startClosed?: boolean | undefined;
}

/** The options of the client that also apply to a `ReconnectingWebSocket`, and the names of other packages. */
export type ReconnectingWebSocketOptions = CompatibleOptions &
  Omit<ClientOptions<string | Buffer, string | Uint8Array>, Unsupported | "reconnect" | "retryInitial">;

/** The options in the form that the class uses. */
export interface ReconnectingOptions {
  readonly client: AnyClientOptions;
  readonly maxRetries: number;
  readonly startClosed: boolean;
  /** Milliseconds after which an open connection resets `retryCount`. */
  readonly resetAfter: number;
}

const ofBackoff: Readonly<Record<string, keyof BackoffOptions>> = {
  maxReconnectionDelay: "cap",
  minReconnectionDelay: "base",
  reconnectionDelayGrowFactor: "multiplier",
  minUptime: "resetAfter",
};

/** The largest capacity of an outbox. */
const noLimit = 2 ** 31 - 1;
/** The default of `outbox.maxBytes` in this class. */
const defaultMaxBytes = 64 * 1024 * 1024;
/** The default of `backoff.resetAfter`. */
const defaultResetAfter = 60_000;

/** Takes an option of another package out of `given`. @throws TypeError if its counterpart is given too. */
function take(given: Record<string, unknown>, name: string, counterpart: string): unknown {
  const value = given[name];
  Reflect.deleteProperty(given, name);
  if (value !== undefined && given[counterpart] !== undefined)
    throw new TypeError(`The options "${name}" and "${counterpart}" exclude each other.`);
  return value;
}

/**
 * Translates the options.
 *
 * @throws TypeError for an option without an effect. It names the option.
 */
export function readReconnectingOptions(options: unknown): ReconnectingOptions {
  const given = { ...(options as Record<string, unknown> | undefined) };
  for (const name of ["WebSocket", "debug", "debugLogger", "retryInitial"]) {
    if (given[name] !== undefined && given[name] !== false)
      throw new TypeError(`The option "${name}" has no effect on this class. Remove it.`);
    Reflect.deleteProperty(given, name);
  }
  if (given["reconnect"] === false)
    throw new TypeError(
      'The option "reconnect" has no effect on this class. Use WebSocket for one connection.',
    );
  // The class calls these functions itself, so that the client does not check them.
  for (const name of ["shouldReconnect", "onConnection"])
    if (given[name] !== undefined && typeof given[name] !== "function")
      throw new TypeError(`The option "${name}" must be a function.`);
  const backoff: Partial<Record<keyof BackoffOptions, unknown>> = {};
  for (const [name, own] of Object.entries(ofBackoff)) {
    const value = take(given, name, "backoff");
    if (value !== undefined) backoff[own] = value;
  }
  const timeout = take(given, "connectionTimeout", "connectTimeout");
  const capacity = take(given, "maxEnqueuedMessages", "outbox");
  const { maxRetries = Infinity, startClosed = false, ...rest } = given;
  if (typeof maxRetries !== "number" || !(maxRetries >= 0))
    throw new TypeError('The option "maxRetries" must be a number from 0 on.');
  if (typeof startClosed !== "boolean")
    throw new TypeError('The option "startClosed" must be true or false.');
  const translated = {
    backoff,
    outbox: outboxOf(capacity),
    ...(timeout === undefined ? {} : { connectTimeout: timeout }),
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
  };
  const client: AnyClientOptions = {
    shouldReconnect: () => true,
    ...optionsOfConnections(translated),
    reconnect: true,
    retryInitial: true,
  };
  return { client, maxRetries, startClosed, resetAfter: client.backoff?.resetAfter ?? defaultResetAfter };
}

function outboxOf(capacity: unknown): unknown {
  if (capacity === 0) return false;
  const isLimited = capacity !== undefined && capacity !== Infinity;
  return { capacity: isLimited ? capacity : noLimit, maxBytes: defaultMaxBytes };
}
