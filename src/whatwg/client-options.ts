// The options of the classes of this entry point: which options of the client they accept, and the options that they
// set themselves. The client checks the values.
import { type HeadersInit, type Provided, raw, type WebSocketOptions as ClientOptions } from "../index.js";

/** The messages of the client are the messages of the wire. */
export type AnyClientOptions = ClientOptions<string | Buffer, string | Uint8Array>;

/** The options of the client that neither class accepts. */
export type Unsupported =
  | ("serializer" | "deserializer" | "schema" | "schemaMode" | "subprotocols")
  | ("buffer" | "autoPong" | "lowWaterMark");

const unsupported: readonly Unsupported[] = [
  ...(["serializer", "deserializer", "schema", "schemaMode", "subprotocols"] as const),
  ...(["buffer", "autoPong", "lowWaterMark"] as const),
];

/** The options of the client that need more than one connection, or more events than a `WebSocket` has. */
type OfReconnecting =
  | (
      | "reconnect"
      | "retryInitial"
      | "backoff"
      | "shouldReconnect"
      | "maxConnectionAge"
      | "rotation"
      | "replay"
    )
  | ("outbox" | "onConnection" | "setupTimeout" | "tlsSessions");

const ofReconnecting: readonly OfReconnecting[] = [
  ...(["reconnect", "retryInitial", "backoff", "shouldReconnect", "maxConnectionAge", "rotation"] as const),
  ...(["replay", "outbox", "onConnection", "setupTimeout", "tlsSessions"] as const),
];

/** The options of a `WebSocket`: those of the client in `jetsocket` that concern a single connection. */
export type WebSocketOptions = Omit<AnyClientOptions, Unsupported | OfReconnecting>;

/** @throws TypeError if one of the options has a value other than `false`. It names the option. */
function refuse(given: object, names: readonly string[], advice: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || (value === false && name !== "autoPong") || !names.includes(name)) continue;
    throw new TypeError(
      `The option "${name}" has no effect on this class. ${name === "subprotocols" ? "Pass the subprotocols as the second argument." : advice}`,
    );
  }
}

/** Reads each option once. A value that is not an object is ignored, because `WebSocket` has two arguments. */
function read(given: unknown): AnyClientOptions {
  const isObject = typeof given === "object" && given !== null;
  return Object.assign(Object.create(null) as object, isObject ? given : {});
}

/**
 * Returns the options of the client of a `WebSocket`.
 *
 * @throws TypeError for an option that has no effect on one connection.
 */
export function optionsOfOneConnection(given: unknown): AnyClientOptions {
  const options = read(given);
  refuse(options, ofReconnecting, "Use ReconnectingWebSocket.");
  return { ...optionsOfConnections(options), reconnect: false };
}

/**
 * Returns the options of the client of a `ReconnectingWebSocket`.
 *
 * @throws TypeError for an option that has no effect on the class.
 */
export function optionsOfConnections(given: unknown): AnyClientOptions {
  const options = read(given);
  refuse(options, unsupported, 'Use the class WebSocket of "jetsocket".');
  // The standard has no limit. With the option, `send()` beyond the limit ends the connection.
  return { maxBufferedAmount: Number.MAX_SAFE_INTEGER, ...options, ...raw };
}

/**
 * Adds the fields `Origin` and `Cookie`, unless `headers` contains them.
 *
 * @param cookies - Returns the value of the field `Cookie` at the time of the request.
 */
export function withPageFields(
  headers: Provided<HeadersInit> | undefined,
  origin: string | undefined,
  cookies?: () => string | undefined,
): Provided<HeadersInit> | undefined {
  if (origin === undefined && cookies === undefined) return headers;
  return async (context) => {
    const given = (typeof headers === "function" ? await headers(context) : headers) ?? {};
    const fields = (Symbol.iterator in given ? [...given] : Object.entries(given)) as [string, string][];
    const added = [["Origin", origin] as const, ["Cookie", cookies?.()] as const].filter(
      ([name]) => !fields.some(([one]) => one.toLowerCase() === name.toLowerCase()),
    );
    for (const [name, value] of added) if (value !== undefined) fields.push([name, value]);
    return fields;
  };
}
