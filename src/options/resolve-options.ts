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
  boolean,
  type Check,
  checkFunction,
  checkObject,
  type Checks,
  checkSignal,
  group,
  headersForm,
  integer,
  kindOf,
  oneOf,
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
import { checkReplayingRotation, checkRotation, layerChecks, type ResolvedLayers } from "./resolve-layers.js";

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
/** Milliseconds without data before the first TCP keep-alive probe, if `keepAlive` is `true`. */
const keepAliveDelay = minute;
/**
 * Largest allowed message in bytes. It is slightly below the longest string of V8, so that a text message fits into a
 * string.
 */
const maxSize = 512 * mebibyte - 24;

/** The options whose default or bounds depend on other options. */
const dependentNames = [
  ...(["setupTimeout", "maxFrameSize", "lowWaterMark", "maxBufferedAmount", "rotation", "proxy"] as const),
  ...(["schemaMode"] as const),
];
type Dependent = (typeof dependentNames)[number];

/** The option `compress` is named `deflate` when it is resolved. */
type Own = Omit<ResolvedOptions, Dependent | "deflate"> & {
  readonly compress: DeflateOptions | undefined;
};

/** The checks of the options that do not depend on another option. */
const ownChecks: Checks<Own> = {
  ...layerChecks,
  schema: checkSchema,
  subprotocols: (name, value) => checkProvided(name, value, "a string or an array of strings"),
  headers: checkHeaders,
  serializer: checkFunction,
  deserializer: checkFunction,
  compress: resolveCompress,
  compressionThreshold: integer(128, 0, maxSize),
  followRedirects: integer(0, 0, 20),
  connectTimeout: integer(10_000, 1),
  closeTimeout: integer(5_000, 1),
  messageTimeout: integer(2 * minute, 1),
  maxMessageSize: integer(64 * mebibyte, 1, maxSize),
  maxFragments: integer(131_072, 1),
  maxControlRate: integer(2_000, 1),
  highWaterMark: integer(mebibyte, 1),
  autoPong: boolean(true),
  tls: checkOptionalObject,
  tlsSessions: boolean(true),
  lookup: checkFunction,
  localAddress: checkAddress,
  socketPath: checkString,
  createConnection: checkFunction,
  insecureCredentials: oneOf("warn", "forbid", "allow"),
  redact: checkFunction,
  noDelay: boolean(true),
  keepAlive: resolveKeepAlive,
  signal: checkSignal,
  runtime: checkObject,
};

const names: readonly string[] = [...Object.keys(ownChecks), ...dependentNames];

/** Returns the checks of the options in {@link dependentNames}. */
function dependentChecks(
  { socketPath, createConnection, tls, replay, schema }: GivenOptions,
  { connectTimeout, maxMessageSize, highWaterMark }: ResolvedOptions,
): Checks<Pick<ResolvedOptions, Dependent>> {
  const replaced = { socketPath, createConnection, "tls.socket": ownOptions(tls ?? {}).socket };
  return {
    setupTimeout: integer(connectTimeout, 1),
    maxFrameSize: integer(maxMessageSize, 1, maxSize),
    lowWaterMark: integer(Math.floor(highWaterMark / 2), 0, highWaterMark),
    maxBufferedAmount: integer(Math.max(64 * mebibyte, highWaterMark), highWaterMark),
    rotation: replay === undefined ? checkRotation : checkReplayingRotation,
    proxy: (_name, proxy) => resolveProxy(proxy, replaced),
    schemaMode: (name, mode) => checkSchemaMode(name, mode, schema),
  };
}

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
  if (defaults?.runtime !== defaultRuntime)
    defaults = { ...checkOptions(ownOptions({ runtime: defaultRuntime }), null) };
  const given = readOptions("options", options as GivenOptions, names);
  if (Object.keys(given).length === 0) return defaults;
  return checkOptions(ownOptions({ runtime: defaultRuntime, ...given }), defaults);
}

/** The options of every client inherit from these options. */
let defaults: ResolvedOptions | undefined;

/**
 * Returns an object that inherits the defaults. Only values that differ from the defaults are own properties, because a
 * full copy would take 300 bytes per client. If there are no defaults yet, all options are own properties.
 */
function checkOptions(given: GivenOptions, inherited: ResolvedOptions | null): ResolvedOptions {
  const resolved = Object.create(inherited) as Record<string, unknown>;
  const check = (checks: Record<string, Check<unknown>>): void => {
    for (const [name, check] of Object.entries(checks)) {
      const value = check(name, given[name as keyof GivenOptions] as never);
      const resolvedName = name === "compress" ? "deflate" : name;
      if (inherited === null || value !== resolved[resolvedName]) resolved[resolvedName] = value;
    }
  };
  check(ownChecks);
  check(dependentChecks(given, resolved as unknown as ResolvedOptions));
  return resolved as unknown as ResolvedOptions;
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
  throw new TypeError("The options are the second and last argument: (url, { subprotocols, headers }).");
}

function checkProvided<Value>(name: string, value: Value, expected: string): Value {
  if (value === undefined || typeof value === "string" || typeof value === "function") return value;
  if (typeof value === "object" && value !== null) return value;
  throw wrongValue(name, `${expected}, or a function that returns it`, value);
}

function checkHeaders(name: string, headers: GivenOptions["headers"]): GivenOptions["headers"] {
  const given = checkProvided(name, headers, headersForm);
  // An iterable may allow only one iteration, but every attempt needs the headers.
  return typeof given === "object" && Symbol.iterator in given ? [...given] : given;
}

const noOptions: DeflateOptions = Object.freeze({});

const checkCompress = group<Required<CompressOptions>>(
  {
    level: integer(undefined, 0, 9),
    memLevel: integer(undefined, 1, 9),
    windowBits: integer(undefined, 8, 15),
    serverWindowBits: integer(undefined, 8, 15),
    noContextTakeover: boolean(undefined),
    serverNoContextTakeover: boolean(undefined),
  },
  "true, false or an object",
);

function resolveCompress(
  name: string,
  compress: boolean | CompressOptions = true,
): DeflateOptions | undefined {
  if (compress === false) return undefined;
  if (compress === true) return noOptions;
  const { serverWindowBits, serverNoContextTakeover, ...own } = checkCompress(name, compress);
  return { ...own, peerWindowBits: serverWindowBits, peerNoContextTakeover: serverNoContextTakeover };
}

/** A schema of arktype is a function. Other libraries use objects. */
function checkSchema(
  name: string,
  given: StandardSchema<unknown> | false = false,
): StandardSchema<unknown> | undefined {
  if (given === false) return undefined;
  const isHolder = typeof given === "object" || typeof given === "function";
  const standard: Partial<StandardSchema<unknown>["~standard"]> | undefined = isHolder
    ? (given as StandardSchema<unknown> | null)?.["~standard"]
    : undefined;
  if (standard?.version === 1 && typeof standard.validate === "function") return given;
  throw wrongValue(name, 'a Standard Schema, version 1, which has the property "~standard"', given);
}

const checkMode = oneOf("strict", "lenient");

function checkSchemaMode(
  name: string,
  mode: "strict" | "lenient" | undefined,
  schema: StandardSchema<unknown> | false = false,
): "strict" | "lenient" {
  if (mode === undefined || schema !== false) return checkMode(name, mode);
  checkMode(name, mode);
  throw new TypeError('The option "schemaMode" requires the option "schema".');
}

function checkOptionalObject<Value extends object>(
  name: string,
  value: Value | undefined,
): Value | undefined {
  return value === undefined ? undefined : checkObject(name, value);
}

function resolveKeepAlive(name: string, keepAlive: boolean | number = false): number | false {
  if (typeof keepAlive === "boolean") return keepAlive && keepAliveDelay;
  if (typeof keepAlive !== "number") throw wrongValue(name, "true, false or a number", keepAlive);
  return integer(keepAliveDelay, 1)(name, keepAlive);
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
