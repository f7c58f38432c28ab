/**
 * Sets of options for common uses, to spread into the options of a client: `new WebSocket(url, { ...trading })`. Each
 * preset is a plain object, and later options replace its values. The objects are frozen, because all clients share them.
 * This module does not check options.
 *
 * @packageDocumentation
 */

/** For feeds of prices and orders that stay up for weeks, where a silent or slow connection must show itself quickly. */
export const trading = {
  /** `connect()` also survives a maintenance of the exchange at the start of the program. */
  retryInitial: true,
  /** The first retry after at most 250 ms, and never more than 5 s between retries, unless the server asks for more. */
  backoff: { base: 250, floor: 50, cap: 5_000 },
  /** A dead connection is found after at most 15 s. */
  heartbeat: { interval: 10_000, timeout: 5_000 },
  /** Compression costs time for each message at both ends. */
  compress: false,
  /** Room for a burst. A full buffer pauses reading, because a dropped message would be a hole in an order book. */
  buffer: { capacity: 20_000, maxBytes: 16_777_216, overflow: "pause" },
  /** Larger than the snapshots of order books, smaller than what would exhaust the memory. */
  maxMessageSize: 8_388_608,
  /** API keys are never sent without encryption. */
  insecureCredentials: "forbid",
} as const;

/** For realtime sessions with a language model: long silences, many small messages, and a user who waits. */
export const llmStream = {
  /** After two minutes without a connection the user sees an error instead of waiting. */
  backoff: { base: 500, cap: 8_000, maxElapsed: 120_000 },
  /** A model may think for minutes. Pings keep proxies from closing the silent connection. */
  heartbeat: { interval: 15_000, timeout: 30_000 },
  /** The service may start a session slowly under load. */
  connectTimeout: 20_000,
  setupTimeout: 20_000,
  /** No part of an answer is lost: a slow reader slows the service down. */
  buffer: { capacity: 10_000, maxBytes: 33_554_432, overflow: "pause" },
  /** API keys are never sent without encryption. */
  insecureCredentials: "forbid",
} as const;

/** For displays that show the newest state, where an old message is worth nothing. */
export const dashboard = {
  /** The page fills as soon as the server is up. */
  retryInitial: true,
  /** Many displays must not reconnect at the same moment, and none waits longer than 30 s. */
  backoff: { base: 1_000, cap: 30_000 },
  heartbeat: { interval: 30_000, timeout: 20_000 },
  /** State is repetitive text, which compresses well. */
  compress: true,
  /** A display that was suspended continues with the newest messages. */
  buffer: { capacity: 200, maxBytes: 4_194_304, overflow: "dropOldest" },
  maxMessageSize: 4_194_304,
} as const;

/** For scripts and health checks: one attempt, one connection, and nothing that the program does not do itself. */
export const minimal = {
  /** The first failure is the result. */
  reconnect: false,
  /** No pings: the calls of a script have their own time limits. */
  heartbeat: false,
  compress: false,
  /** A script must not wait long for a server that is down. */
  connectTimeout: 5_000,
  closeTimeout: 1_000,
} as const;

for (const preset of [trading, llmStream, dashboard, minimal]) {
  for (const group of Object.values(preset)) Object.freeze(group);
  Object.freeze(preset);
}
