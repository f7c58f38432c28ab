import type { ExtensionParameter } from "../extension.js";

/** The name under which the extension is offered (RFC 7692 7). */
export const deflateExtensionName = "permessage-deflate";

/** The window that holds where no parameter says less (RFC 7692 7.1.2). */
export const maxWindowBits = 15;

/**
 * What one end wants of permessage-deflate. Both ends use the same names: `windowBits` and `noContextTakeover` are
 * about what this end sends, their `peer…` counterparts about what it receives. So a client's `windowBits` is
 * `client_max_window_bits` on the wire, a server's is `server_max_window_bits`.
 */
export interface DeflateOptions {
  /**
   * zlib's level for what this end sends: 0 (stored) to 9 (smallest). The default, -1, is zlib's own, 6, but for
   * long messages that are mostly numbers: at level 5 and without short matches these take fewer bytes and less time.
   */
  readonly level?: number | undefined;
  /** How much memory zlib takes to compress what this end sends: 1 to 9. Default 8. */
  readonly memLevel?: number | undefined;
  /** The base-2 logarithm of the largest window for what this end sends: 8 to 15. By default as large as the peer allows. */
  readonly windowBits?: number | undefined;
  /**
   * The largest window that the peer may use, 8 to 15: it bounds what this end keeps to inflate. There is no extension
   * without the peer's consent. By default the peer chooses.
   */
  readonly peerWindowBits?: number | undefined;
  /** Compresses each message by itself: less memory, and larger messages. Default false. */
  readonly noContextTakeover?: boolean | undefined;
  /** Wants the same of the peer; there is no extension without its consent. Default false. */
  readonly peerNoContextTakeover?: boolean | undefined;
}

/** What is said of one direction, named by who sends in it. */
export interface DirectionParameters {
  readonly noContextTakeover: boolean;
  /** `true` is `client_max_window_bits` without a value: the client can keep to a limit (RFC 7692 7.1.2.2). */
  readonly maxWindowBits: number | true | undefined;
}

/** The four parameters of RFC 7692 7.1, as they stand in an offer or in an answer. */
export interface DeflateParameters {
  readonly server: DirectionParameters;
  readonly client: DirectionParameters;
}

/**
 * Checks what the user has set.
 * @throws TypeError, RangeError
 */
export function checkDeflateOptions(options: DeflateOptions): void {
  checkInteger("level", options.level, -1, 9);
  checkInteger("memLevel", options.memLevel, 1, 9);
  checkInteger("windowBits", options.windowBits, 8, maxWindowBits);
  checkInteger("peerWindowBits", options.peerWindowBits, 8, maxWindowBits);
  checkBoolean("noContextTakeover", options.noContextTakeover);
  checkBoolean("peerNoContextTakeover", options.peerNoContextTakeover);
}

function checkInteger(name: string, value: unknown, min: number, max: number): void {
  if (value === undefined) return;
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${describe(value)}`);
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be an integer from ${min} to ${max}, got ${value}`);
}

function checkBoolean(name: string, value: unknown): void {
  if (value === undefined || typeof value === "boolean") return;
  throw new TypeError(`${name} must be a boolean, got ${describe(value)}`);
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/**
 * Reads the parameters of an offer or of an answer.
 * @returns A string where RFC 7692 7 forbids them: what is wrong, with the parameter's name in it.
 */
export function parseDeflateParameters(
  parameters: readonly ExtensionParameter[],
  kind: "offer" | "answer",
): DeflateParameters | string {
  const values = new Map<string, string | true>();
  for (const [name, value] of parameters) {
    // RFC 7692 7: each parameter at most once.
    if (values.has(name)) return `${name} is there twice`;
    const fault = findFault(name, value, kind);
    if (fault !== undefined) return fault;
    values.set(name, value);
  }
  return { server: direction(values, "server"), client: direction(values, "client") };
}

function findFault(name: string, value: string | true, kind: "offer" | "answer"): string | undefined {
  switch (name) {
    case "server_no_context_takeover":
    case "client_no_context_takeover":
      return value === true ? undefined : `${name} takes no value, got ${JSON.stringify(value)}`;
    case "client_max_window_bits":
      // RFC 7692 7.1.2.2: the value may be left out of an offer, never of an answer.
      if (value === true && kind === "offer") return undefined;
      return findWindowBitsFault(name, value);
    case "server_max_window_bits":
      return findWindowBitsFault(name, value);
    default:
      return `${name} is no parameter of ${deflateExtensionName}`;
  }
}

/** RFC 7692 7.1.2: a decimal integer from 8 to 15 without leading zeros. */
function findWindowBitsFault(name: string, value: string | true): string | undefined {
  if (value === true) return `${name} has no value`;
  return /^(?:[89]|1[0-5])$/.test(value)
    ? undefined
    : `${name} must be from 8 to 15, got ${JSON.stringify(value)}`;
}

function direction(
  values: ReadonlyMap<string, string | true>,
  sender: "server" | "client",
): DirectionParameters {
  const bits = values.get(`${sender}_max_window_bits`);
  return {
    noContextTakeover: values.has(`${sender}_no_context_takeover`),
    maxWindowBits: typeof bits === "string" ? Number(bits) : bits,
  };
}

/** Writes the parameters in the order of RFC 7692 7.1. */
export function writeDeflateParameters({ server, client }: DeflateParameters): string {
  const parameters = [deflateExtensionName];
  if (server.noContextTakeover) parameters.push("server_no_context_takeover");
  if (client.noContextTakeover) parameters.push("client_no_context_takeover");
  pushWindowBits(parameters, "server_max_window_bits", server.maxWindowBits);
  pushWindowBits(parameters, "client_max_window_bits", client.maxWindowBits);
  return parameters.join("; ");
}

function pushWindowBits(parameters: string[], name: string, bits: number | true | undefined): void {
  if (bits === undefined) return;
  parameters.push(bits === true ? name : `${name}=${bits}`);
}

/** The limit that a parameter sets, or the window of RFC 1951 where it sets none. */
export function windowBitsOf(bits: number | true | undefined): number {
  return typeof bits === "number" ? bits : maxWindowBits;
}
