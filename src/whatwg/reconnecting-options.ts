// The options of `ReconnectingWebSocket`, and the names that other packages use for them. The client checks the values of
// its own options.
import type { BackoffOptions, WebSocketOptions as ClientOptions } from "../index.js";
import { type AnyClientOptions, optionsOfConnections, type Unsupported } from "./client-options.js";
import { endEvents } from "./end-events.js";
import type { CloseEvent } from "./events.js";

/** The options of reconnecting-websocket and partysocket that have a counterpart in this package. */
export interface CompatibleOptions {
  /** The same as `backoff.cap`. */
  readonly maxReconnectionDelay?: number | undefined;
  /** The same as `backoff.base` and `backoff.floor`. */
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
  /** The same as `shouldReconnect`, with the event `close` of the connection or attempt that has ended. */
  readonly shouldReconnectOnClose?: ((event: CloseEvent) => boolean) | undefined;
  /** Only `false` is possible. */
  readonly debug?: false | undefined;
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

/** The largest capacity of an outbox. */
const noLimit = 2_147_483_647;
/** The default of `outbox.maxBytes` in this class. */
const defaultMaxBytes = 67_108_864;
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

function checkNumber(name: string, value: unknown, least: number): number {
  if (typeof value === "number" && value >= least) return Math.min(value, Number.MAX_SAFE_INTEGER);
  throw new TypeError(`The option "${name}" must be a number from ${least} on.`);
}

/** Takes an option out of `given`. The other packages accept fractions, 0 and `Infinity`, and the client does not. */
function takeWhole(
  given: Record<string, unknown>,
  name: string,
  counterpart: string,
  least: number,
): number | undefined {
  const value = take(given, name, counterpart);
  return value === undefined ? undefined : Math.max(Math.ceil(checkNumber(name, value, 0)), least);
}

function takeBackoff(given: Record<string, unknown>): Partial<BackoffOptions> {
  const whole = (name: string, least: number): number | undefined => takeWhole(given, name, "backoff", least);
  const base = whole("minReconnectionDelay", 1);
  const growth = take(given, "reconnectionDelayGrowFactor", "backoff");
  const multiplier = growth === undefined ? growth : checkNumber("reconnectionDelayGrowFactor", growth, 1);
  // The delay is random, but at least `floor`.
  const options = { base, floor: base, multiplier, cap: whole("maxReconnectionDelay", 1) };
  return withoutUndefined({ ...options, resetAfter: whole("minUptime", 0) });
}

function withoutUndefined<Given extends object>(given: Given): Given {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given;
}

/** @throws TypeError for an option that the class does not have, or that it sets itself. */
function refuse(given: Record<string, unknown>): void {
  for (const name of ["WebSocket", "debug", "debugLogger"]) {
    if (given[name] !== undefined && given[name] !== false)
      throw new TypeError(`The option "${name}" has no effect on this class. Remove it.`);
    Reflect.deleteProperty(given, name);
  }
  for (const name of ["reconnect", "retryInitial"])
    if (given[name] === false)
      throw new TypeError(
        `The option "${name}" has no effect on this class. Use WebSocket for one connection.`,
      );
  // The class calls these functions itself, so that the client does not check them.
  for (const name of ["shouldReconnect", "shouldReconnectOnClose", "onConnection"])
    if (given[name] !== undefined && typeof given[name] !== "function")
      throw new TypeError(`The option "${name}" must be a function.`);
}

/**
 * Translates the options.
 *
 * @throws TypeError for an option without an effect. It names the option.
 */
export function readReconnectingOptions(options: unknown): ReconnectingOptions {
  const given = { ...(options as Record<string, unknown> | undefined) };
  refuse(given);
  const backoff = takeBackoff(given);
  const connectTimeout = takeWhole(given, "connectionTimeout", "connectTimeout", 1);
  const capacity = takeWhole(given, "maxEnqueuedMessages", "outbox", 0);
  const onClose = take(given, "shouldReconnectOnClose", "shouldReconnect") as
    ((event: CloseEvent) => unknown) | undefined;
  const { maxRetries = Infinity, startClosed = false, ...rest } = given;
  if (typeof startClosed !== "boolean")
    throw new TypeError('The option "startClosed" must be true or false.');
  const translated = { backoff, outbox: outboxOf(capacity), connectTimeout, ...withoutUndefined(rest) };
  const client: AnyClientOptions = {
    shouldReconnect: (report) => onClose === undefined || !!onClose(endEvents(report, undefined).close),
    ...optionsOfConnections(translated),
    reconnect: true,
    retryInitial: true,
  };
  return {
    client,
    maxRetries: checkNumber("maxRetries", maxRetries, 0),
    startClosed,
    resetAfter: client.backoff?.resetAfter ?? defaultResetAfter,
  };
}

function outboxOf(capacity: number = noLimit): unknown {
  return capacity === 0 ? false : { capacity: Math.min(capacity, noLimit), maxBytes: defaultMaxBytes };
}
