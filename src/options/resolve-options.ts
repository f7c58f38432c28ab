/**
 * Checks the options of a client and adds their defaults. This module does not call provider functions or resolve
 * addresses.
 */
import { ownOptions } from "../../protocol/index.js";
import type { ConnectionOptions } from "node:tls";
import type { DeflateOptions } from "../../protocol/index.js";
import { nodeNet } from "../runtime/node-modules.js";
import type { Runtime } from "../runtime/runtime.js";
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkObject,
  checkOneOf,
  headersForm,
  kindOf,
  readOptions,
  wrongValue,
} from "./checks.js";
import type {
  CompressOptions,
  Deserializer,
  Serializer,
  StandardSchema,
  WebSocketOptions,
} from "./options.js";
import { type ResolvedProxy, resolveProxy } from "./resolve-proxy.js";
import { type ResolvedLayers, resolveLayers } from "./resolve-layers.js";

/**
 * The options of a client, with the defaults added. Code that does not use the values of messages can omit the type
 * parameters.
 */
export interface ResolvedOptions<Received = unknown, Sent = unknown>
  extends
    ResolvedLayers<Received, Sent>,
    Pick<
      WebSocketOptions<Received, Sent>,
      | "subprotocols"
      | "headers"
      | "lookup"
      | "localAddress"
      | "socketPath"
      | "createConnection"
      | "signal"
      | "redact"
    > {
  readonly serializer: Serializer<Sent> | undefined;
  readonly deserializer: Deserializer<Received> | undefined;
  readonly schema: StandardSchema<Received> | undefined;
  readonly schemaMode: "strict" | "lenient";
  /** `undefined` if no compression is offered. */
  readonly deflate: DeflateOptions | undefined;
  readonly compressionThreshold: number;
  readonly followRedirects: number;
  readonly connectTimeout: number;
  readonly closeTimeout: number;
  readonly messageTimeout: number;
  readonly maxMessageSize: number;
  readonly maxFrameSize: number;
  readonly maxFragments: number;
  readonly maxControlRate: number;
  readonly highWaterMark: number;
  readonly lowWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly autoPong: boolean;
  readonly tls: ConnectionOptions | undefined;
  readonly tlsSessions: boolean;
  readonly noDelay: boolean;
  /** Milliseconds without data before the first TCP keep-alive probe; `false` disables the probes. */
  readonly keepAlive: number | false;
  readonly proxy: ResolvedProxy;
  readonly insecureCredentials: "warn" | "forbid" | "allow";
  readonly runtime: Runtime;
}

type GivenOptions = WebSocketOptions<unknown, unknown>;

const minute = 60_000;
const mebibyte = 1024 * 1024;
const maxInteger = Number.MAX_SAFE_INTEGER;
/** Milliseconds without data before the first TCP keep-alive probe, if `keepAlive` is `true`. */
const keepAliveDelay = minute;
/**
 * Largest allowed message in bytes. It is slightly below the longest string of V8, so that a text message fits into a
 * string.
 */
const maxSize = 512 * mebibyte - 24;

/**
 * Checks the options of a client and adds the defaults.
 *
 * @throws TypeError for an unknown name or a value of the wrong type.
 * @throws RangeError for a number out of bounds.
 */
export function resolveOptions<Received, Sent>(
  options: WebSocketOptions<Received, Sent>,
  defaultRuntime: Runtime,
): ResolvedOptions {
  refuseSubprotocols(options);
  if (shared?.defaults.runtime !== defaultRuntime) shared = resolveDefaults(defaultRuntime);
  const { defaults, names } = shared;
  const given = readOptions("options", options as GivenOptions, names);
  if (Object.keys(given).length === 0) return defaults;
  return inheriting(defaults, resolveGroups(given, defaultRuntime));
}

/**
 * In the `WebSocket` class of browsers, the second argument contains the subprotocols. The error does not show the
 * argument, because it may contain a token.
 */
function refuseSubprotocols(options: unknown): void {
  if (typeof options !== "string" && !Array.isArray(options)) return;
  throw new TypeError(
    `The option "options" must be an object, not ${kindOf(options)}. Subprotocols are an option: { subprotocols: ["chat"] }.`,
  );
}

/**
 * Refuses arguments after the options. In other libraries the options are the third argument. In this library a third
 * argument would have no effect.
 * @param others - The arguments after the options.
 * @throws TypeError if one of them is not `undefined`.
 */
export function refuseMoreArguments(others: readonly unknown[]): void {
  if (others.every((other) => other === undefined)) return;
  throw new TypeError(
    "The options are the second and last argument, and contain the subprotocols: (url, { subprotocols, headers }).",
  );
}

/** The defaults and the names of all options. The options of every client inherit from the defaults. */
let shared: ReturnType<typeof resolveDefaults> | undefined;

function resolveDefaults(runtime: Runtime) {
  const [messages, limits, layers, socket, others] = resolveGroups(ownOptions({}), runtime);
  const defaults: ResolvedOptions = { ...messages, ...limits, ...layers, ...socket, ...others };
  const resolvedNames = Object.keys(defaults) as (keyof ResolvedOptions)[];
  // Only `compress` has another name in the resolved options.
  const names = resolvedNames.map((name) => (name === "deflate" ? "compress" : name));
  return { defaults, names };
}

/** Returns the resolved options in groups, because an object of all options would take 80 µs to create. */
function resolveGroups(options: GivenOptions, defaultRuntime: Runtime) {
  const messages = resolveMessages(options);
  const limits = resolveLimits(options);
  const layers = resolveLayers(options, limits.connectTimeout);
  const socket = resolveSocket(options);
  const signal = checkSignal(options.signal);
  const runtime = options.runtime === undefined ? defaultRuntime : checkObject("runtime", options.runtime);
  return [messages, limits, layers, socket, { signal, runtime }] as const;
}

/**
 * Returns an object that inherits the defaults. Only values that differ from the defaults are own properties, because a
 * full copy would take 300 bytes per client.
 */
function inheriting(defaults: ResolvedOptions, groups: readonly object[]): ResolvedOptions {
  const own = Object.create(defaults) as Record<string, unknown>;
  for (const group of groups)
    for (const [name, value] of Object.entries(group)) if (value !== own[name]) own[name] = value;
  return own as unknown as ResolvedOptions;
}

function resolveMessages(options: GivenOptions) {
  return {
    subprotocols: checkProvided("subprotocols", options.subprotocols, "a string or an array of strings"),
    headers: checkHeaders(options.headers),
    serializer: checkFunction("serializer", options.serializer),
    deserializer: checkFunction("deserializer", options.deserializer),
    ...resolveSchema(options),
    deflate: resolveCompress(options.compress),
    compressionThreshold: checkInteger("compressionThreshold", options.compressionThreshold, 128, 0, maxSize),
    autoPong: checkBoolean("autoPong", options.autoPong, true),
  };
}

/** A schema of arktype is a function. Other libraries use objects. */
function resolveSchema({ schema: given = false, schemaMode: mode }: GivenOptions) {
  const schemaMode = checkOneOf("schemaMode", mode, ["strict", "lenient"]);
  if (given === false) {
    if (mode === undefined) return { schema: undefined, schemaMode };
    throw new TypeError('The option "schemaMode" requires the option "schema".');
  }
  const isHolder = typeof given === "object" || typeof given === "function";
  const standard: Partial<(typeof given)["~standard"]> | undefined = isHolder
    ? (given as typeof given | null)?.["~standard"]
    : undefined;
  if (standard?.version === 1 && typeof standard.validate === "function")
    return { schema: given, schemaMode };
  throw wrongValue("schema", 'a Standard Schema, version 1, which has the property "~standard"', given);
}

function checkProvided<Value>(name: string, value: Value, expected: string): Value {
  if (value === undefined || typeof value === "string" || typeof value === "function") return value;
  if (typeof value === "object" && value !== null) return value;
  throw wrongValue(name, `${expected}, or a function that returns it`, value);
}

function checkHeaders(headers: GivenOptions["headers"]): GivenOptions["headers"] {
  const given = checkProvided("headers", headers, headersForm);
  // An iterable may allow only one iteration, but every attempt needs the headers.
  return typeof given === "object" && Symbol.iterator in given ? [...given] : given;
}

const noOptions: DeflateOptions = Object.freeze({});

function resolveCompress(compress: boolean | CompressOptions = true): DeflateOptions | undefined {
  if (compress === false) return undefined;
  if (compress === true) return noOptions;
  const own = readOptions(
    "compress",
    compress,
    [
      ...(["level", "memLevel", "windowBits", "serverWindowBits"] as const),
      ...(["noContextTakeover", "serverNoContextTakeover"] as const),
    ],
    "true, false or an object",
  );
  const { level, memLevel, windowBits, serverWindowBits, noContextTakeover, serverNoContextTakeover } = own;
  return {
    level: checkInteger("compress.level", level, undefined, 0, 9),
    memLevel: checkInteger("compress.memLevel", memLevel, undefined, 1, 9),
    windowBits: checkInteger("compress.windowBits", windowBits, undefined, 8, 15),
    noContextTakeover: checkBoolean("compress.noContextTakeover", noContextTakeover, undefined),
    peerWindowBits: checkInteger("compress.serverWindowBits", serverWindowBits, undefined, 8, 15),
    peerNoContextTakeover: checkBoolean(
      "compress.serverNoContextTakeover",
      serverNoContextTakeover,
      undefined,
    ),
  };
}

function resolveLimits(options: GivenOptions) {
  const maxMessageSize = checkInteger("maxMessageSize", options.maxMessageSize, 64 * mebibyte, 1, maxSize);
  const highWaterMark = checkInteger("highWaterMark", options.highWaterMark, mebibyte, 1, maxInteger);
  const half = Math.floor(highWaterMark / 2);
  const most = Math.max(64 * mebibyte, highWaterMark);
  const { maxBufferedAmount } = options;
  return {
    followRedirects: checkInteger("followRedirects", options.followRedirects, 0, 0, 20),
    connectTimeout: checkInteger("connectTimeout", options.connectTimeout, 10_000, 1, maxInteger),
    closeTimeout: checkInteger("closeTimeout", options.closeTimeout, 5_000, 1, maxInteger),
    messageTimeout: checkInteger("messageTimeout", options.messageTimeout, 2 * minute, 1, maxInteger),
    maxMessageSize,
    maxFrameSize: checkInteger("maxFrameSize", options.maxFrameSize, maxMessageSize, 1, maxSize),
    maxFragments: checkInteger("maxFragments", options.maxFragments, 131_072, 1, maxInteger),
    maxControlRate: checkInteger("maxControlRate", options.maxControlRate, 2_000, 1, maxInteger),
    highWaterMark,
    lowWaterMark: checkInteger("lowWaterMark", options.lowWaterMark, half, 0, highWaterMark),
    maxBufferedAmount: checkInteger("maxBufferedAmount", maxBufferedAmount, most, highWaterMark, maxInteger),
  };
}

function resolveSocket(options: GivenOptions) {
  const { tls, socketPath, createConnection, insecureCredentials } = options;
  return {
    tls: options.tls === undefined ? undefined : checkObject("tls", options.tls),
    tlsSessions: checkBoolean("tlsSessions", options.tlsSessions, true),
    lookup: checkFunction("lookup", options.lookup),
    localAddress: checkAddress("localAddress", options.localAddress),
    socketPath: checkString("socketPath", options.socketPath),
    createConnection: checkFunction("createConnection", options.createConnection),
    insecureCredentials: checkOneOf("insecureCredentials", insecureCredentials, ["warn", "forbid", "allow"]),
    redact: checkFunction("redact", options.redact),
    proxy: resolveProxy(options.proxy, {
      socketPath,
      createConnection,
      "tls.socket": ownOptions(tls ?? {}).socket,
    }),
    noDelay: checkBoolean("noDelay", options.noDelay, true),
    keepAlive: resolveKeepAlive(options.keepAlive),
  };
}

function resolveKeepAlive(keepAlive: boolean | number = false): number | false {
  if (typeof keepAlive === "boolean") return keepAlive && keepAliveDelay;
  if (typeof keepAlive !== "number") throw wrongValue("keepAlive", "true, false or a number", keepAlive);
  return checkInteger("keepAlive", keepAlive, keepAliveDelay, 1, maxInteger);
}

function checkString(name: string, value: string | undefined): string | undefined {
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw wrongValue(name, "a string that is not empty", value);
}

/** A wrong address would make every attempt fail, and the client would retry without end. */
function checkAddress(name: string, value: string | undefined): string | undefined {
  const address = checkString(name, value);
  if (address === undefined || nodeNet().isIP(address) !== 0) return address;
  throw wrongValue(name, "an IP address", value);
}

function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw wrongValue("signal", "an AbortSignal", signal);
}
