// Checks the options of permessage-deflate, and parses and writes its parameters (RFC 7692 7.1). This module does not
// negotiate the parameters.
import type { ExtensionParameter } from "../extension.js";

/** The name of the extension in the Sec-WebSocket-Extensions header (RFC 7692 7). */
export const deflateExtensionName = "permessage-deflate";

/** The base-2 logarithm of the window in bytes if no parameter sets a smaller window (RFC 7692 7.1.2). */
export const maxWindowBits = 15;

/**
 * The options of permessage-deflate for one endpoint, a client or a server. The options `windowBits` and
 * `noContextTakeover` apply to the messages that the endpoint sends. The options `peerWindowBits` and
 * `peerNoContextTakeover` apply to the messages that it receives.
 *
 * In the header, `windowBits` of a client is named `client_max_window_bits`. `windowBits` of a server is named
 * `server_max_window_bits`.
 */
export interface DeflateOptions {
  /**
   * zlib's compression level for sent messages: 0 (no compression) to 9 (smallest messages). The default, -1, is zlib's
   * default level, 6.
   */
  readonly level?: number | undefined;
  /** The amount of memory that zlib uses to compress sent messages: 1 (least) to 9 (most). Default 8. */
  readonly memLevel?: number | undefined;
  /** The base-2 logarithm of the largest window for sent messages: 8 to 15. Default: as large as the peer allows. */
  readonly windowBits?: number | undefined;
  /**
   * The base-2 logarithm of the largest window that the peer may use: 8 to 15. A small window limits the
   * memory that this endpoint needs to decompress. If the peer does not accept the limit, the extension is not used. By
   * default the peer chooses its window.
   */
  readonly peerWindowBits?: number | undefined;
  /**
   * If `true`, this endpoint compresses each message independently. This needs less memory, but makes the messages
   * larger. Default `false`.
   */
  readonly noContextTakeover?: boolean | undefined;
  /**
   * If `true`, the peer must compress each message independently. If the peer does not accept this, the extension is
   * not used. Default `false`.
   */
  readonly peerNoContextTakeover?: boolean | undefined;
}

/**
 * The value of a parameter that limits a window. `undefined` means that the parameter is absent. `true` means that
 * `client_max_window_bits` has no value: the client then only says that it supports a limit (RFC 7692 7.1.2.2).
 */
export type WindowBits = number | true | undefined;

/** The parameters of one direction. A direction is named after its sender. */
export interface DirectionParameters {
  readonly noContextTakeover: boolean;
  readonly maxWindowBits: WindowBits;
}

/** The four parameters of RFC 7692 7.1 in an offer or an answer. */
export interface DeflateParameters {
  readonly server: DirectionParameters;
  readonly client: DirectionParameters;
}

/**
 * Checks the user's options.
 * @throws TypeError for an option with a value of another type.
 * @throws RangeError for a number that is not an integer in the allowed range.
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
 * @returns The parameters, or a string if RFC 7692 7 forbids a parameter. The string describes the fault and contains
 *   the name of the parameter.
 */
export function parseDeflateParameters(
  parameters: readonly ExtensionParameter[],
  kind: "offer" | "answer",
): DeflateParameters | string {
  const values = new Map<string, string | true>();
  for (const [name, value] of parameters) {
    // RFC 7692 7: each parameter occurs at most once.
    if (values.has(name)) return `${name} occurs twice`;
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
    case "server_max_window_bits":
      if (value === true) {
        // RFC 7692 7.1.2.2: only the parameter client_max_window_bits of an offer can be without a value.
        return name === "client_max_window_bits" && kind === "offer" ? undefined : `${name} has no value`;
      }
      // RFC 7692 7.1.2: the value is a decimal integer from 8 to 15 without leading zeros.
      return /^(?:[89]|1[0-5])$/.test(value)
        ? undefined
        : `${name} must be from 8 to 15, got ${JSON.stringify(value)}`;
    default:
      return `${name} is not a parameter of ${deflateExtensionName}`;
  }
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

function pushWindowBits(parameters: string[], name: string, bits: WindowBits): void {
  if (bits === undefined) return;
  parameters.push(bits === true ? name : `${name}=${bits}`);
}

/** Returns the limit that a parameter sets, or {@link maxWindowBits} if the parameter sets no limit. */
export function windowBitsOf(bits: WindowBits): number {
  return typeof bits === "number" ? bits : maxWindowBits;
}
