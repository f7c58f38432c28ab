/**
 * Checks the options of the constructor, and translates them to options of the client. It does not read the agent, and
 * it does not depend on the address.
 */
import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { CompressOptions, WebSocketOptions } from "../index.js";
import { nodeDns } from "./node-modules.js";
import type { ClientOptions, PerMessageDeflateOptions } from "./types.js";

type EngineOptions = WebSocketOptions<unknown, string | Uint8Array>;

/** The options of the constructor after they were checked. */
export interface Settings {
  /** The options of the client that are the same for every address. */
  readonly engine: EngineOptions;
  /** The options of TLS, for addresses with `wss:`. */
  readonly tls: ConnectionOptions;
  /** The header fields by their names in lower case, each with its name as given. */
  readonly headers: ReadonlyMap<string, readonly [name: string, value: string | readonly string[]]>;
  readonly auth: string | undefined;
  readonly protocols: unknown;
  readonly agent: ClientOptions["agent"];
  readonly createConnection: ClientOptions["createConnection"];
  readonly socketPath: string | undefined;
  readonly maxRedirects: number;
  readonly isSynchronous: boolean;
}

const tlsNames = new Set(
  (
    "ca cert key pfx passphrase crl sigalgs ecdhCurve dhparam minDHSize honorCipherOrder ciphers minVersion maxVersion " +
    "secureProtocol secureOptions secureContext sessionIdContext sessionTimeout ticketKeys clientCertEngine privateKeyEngine " +
    "privateKeyIdentifier allowPartialTrustChain socket session requestOCSP pskCallback enableTrace servername " +
    "ALPNProtocols checkServerIdentity rejectUnauthorized"
  ).split(" "),
);

/**
 * Options that have no effect in `ws` either, because the address decides, and options of streams, which programs pass
 * to the constructor and to `createWebSocketStream()` alike.
 */
const ignoredNames = new Set(
  (
    "host hostname port defaultPort path method protocol timeout " +
    "highWaterMark readableHighWaterMark writableHighWaterMark objectMode allowHalfOpen"
  ).split(" "),
);

/** Names that are read below, or by the caller. */
const readNames = new Set(
  (
    "protocols headers origin auth protocolVersion handshakeTimeout closeTimeout perMessageDeflate maxPayload maxFragments " +
    "followRedirects maxRedirects autoPong allowSynchronousEvents skipUTF8Validation agent createConnection socketPath " +
    "lookup family hints localAddress noDelay keepAlive keepAliveInitialDelay autoSelectFamily " +
    "autoSelectFamilyAttemptTimeout"
  ).split(" "),
);

/** Options of sockets. An agent may have them too. */
const socketNames = new Set("lookup family hints localAddress localPort blockList".split(" "));

/** True for an option of TLS or of a socket. */
export function isSocketOption(name: string): boolean {
  return tlsNames.has(name) || socketNames.has(name);
}

/** Why an option of `ws` is not possible. */
const refusals: Readonly<Record<string, string>> = {
  generateMask: "the masking keys are random (RFC 6455 5.3)",
  finishRequest: "the request is written at once; use headers",
  maxBufferedChunks: "there is no such limit; use maxPayload",
  maxPendingAutoPongs: "pongs that wait are replaced by newer ones",
  signal: "call terminate() in a listener of the signal",
  localPort: "use createConnection",
  blockList: "use createConnection or lookup",
};

/** These header fields are part of the handshake. `ws` replaces them. */
const handshakeFields = /^(?:upgrade|connection|sec-websocket-(?:key|version))$/;

const maxInteger = Number.MAX_SAFE_INTEGER;
/** The largest message that the client accepts. */
const maxSize = 512 * 1024 * 1024 - 24;

function refuse(name: string, reason: string): never {
  throw new TypeError(`The option "${name}" is not supported: ${reason}.`);
}

/** @throws TypeError or RangeError for an option that is unknown, wrong or not possible. */
export function readOptions(given: ClientOptions = {}): Settings {
  const options = withoutNull(given);
  const tls: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (ignoredNames.has(name)) continue;
    if (tlsNames.has(name)) tls[name] = value;
    else if (!readNames.has(name)) refuse(name, refusals[name] ?? "it is not an option of this class");
  }
  checkFixed(options);
  return {
    engine: engineOptions(options),
    tls,
    headers: readHeaders(options),
    auth: text("auth", options.auth),
    protocols: options.protocols,
    agent: options.agent,
    createConnection: checkFunction("createConnection", options.createConnection),
    socketPath: options.socketPath,
    maxRedirects: options.followRedirects ? integer("maxRedirects", options.maxRedirects, 10) : -1,
    isSynchronous: options.allowSynchronousEvents !== false,
  };
}

/** Some libraries pass `null` for each option that is not set. */
function withoutNull(given: ClientOptions): ClientOptions {
  const options: Record<string, unknown> = { __proto__: null };
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && value !== null) options[name] = value;
  // As in `ws`.
  if ((given.perMessageDeflate as unknown) === null) options["perMessageDeflate"] = false;
  return options;
}

/** Options of which only one value is possible. */
function checkFixed(options: ClientOptions): void {
  const { protocolVersion = 13, skipUTF8Validation } = options;
  if (protocolVersion !== 13)
    throw new RangeError(
      `Unsupported protocol version: ${String(protocolVersion)} (supported versions: 13, RFC 6455)`,
    );
  if (skipUTF8Validation === true)
    refuse("skipUTF8Validation", "text is always validated (RFC 6455 8.1), at the speed of the decoder");
  if ((options.autoSelectFamily as unknown) === false)
    refuse("autoSelectFamily", "all addresses of a host are tried (RFC 8305)");
}

function engineOptions(options: ClientOptions): EngineOptions {
  const { perMessageDeflate = true, handshakeTimeout, noDelay = true, autoPong = true } = options;
  const deflate = typeof perMessageDeflate === "object" ? perMessageDeflate : {};
  const isCompressing = perMessageDeflate === deflate || boolean("perMessageDeflate", perMessageDeflate);
  const { localAddress } = options;
  // As in `ws`: with the context of earlier messages, small messages compress well too.
  const threshold = deflate.clientNoContextTakeover === true ? 1024 : 0;
  return {
    reconnect: false,
    heartbeat: false,
    serializer: (value) => value,
    compress: isCompressing && compressOptions(deflate),
    compressionThreshold: integer("perMessageDeflate.threshold", deflate.threshold, threshold, maxSize),
    connectTimeout: integer("handshakeTimeout", handshakeTimeout, 0) || maxInteger,
    closeTimeout: integer("closeTimeout", options.closeTimeout, 30_000) || 1,
    // A paused connection may stop in the middle of a message for any time.
    messageTimeout: maxInteger,
    maxMessageSize: limit("maxPayload", options.maxPayload, 100 * 1024 * 1024, maxSize),
    maxFragments: limit("maxFragments", options.maxFragments, 16 * 1024, maxInteger),
    // `send()` never refuses a message: the property `bufferedAmount` shows how many bytes wait.
    highWaterMark: maxInteger,
    maxBufferedAmount: maxInteger,
    autoPong: boolean("autoPong", autoPong),
    noDelay: boolean("noDelay", noDelay),
    keepAlive: keepAlive(options),
    lookup: lookupOf(options),
    ...(localAddress === undefined ? {} : { localAddress }),
  };
}

const zlibNames = ["level", "memLevel", "chunkSize"];
const deflateNames = (
  "serverNoContextTakeover clientNoContextTakeover serverMaxWindowBits clientMaxWindowBits zlibDeflateOptions " +
  "zlibInflateOptions threshold concurrencyLimit"
).split(" ");

function refuseOthers(group: string, given: object | undefined, names: readonly string[]): void {
  for (const [name, value] of Object.entries(given ?? {}))
    if (value !== undefined && !names.includes(name)) refuse(`${group}.${name}`, "it has no counterpart");
}

function compressOptions(given: PerMessageDeflateOptions): CompressOptions {
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } =
    given;
  const { level, memLevel } = given.zlibDeflateOptions ?? {};
  refuseOthers("perMessageDeflate", given, deflateNames);
  refuseOthers("perMessageDeflate.zlibDeflateOptions", given.zlibDeflateOptions, zlibNames);
  refuseOthers("perMessageDeflate.zlibInflateOptions", given.zlibInflateOptions, ["chunkSize"]);
  if ((clientMaxWindowBits as unknown) === false)
    refuse("perMessageDeflate.clientMaxWindowBits", "false is not possible, the server may always choose");
  return {
    level: optional("perMessageDeflate.zlibDeflateOptions.level", level, 0, 9),
    memLevel: optional("perMessageDeflate.zlibDeflateOptions.memLevel", memLevel, 1, 9),
    windowBits:
      clientMaxWindowBits === true
        ? undefined
        : optional("perMessageDeflate.clientMaxWindowBits", clientMaxWindowBits, 8, 15),
    serverWindowBits: optional("perMessageDeflate.serverMaxWindowBits", serverMaxWindowBits, 8, 15),
    noContextTakeover: clientNoContextTakeover === true,
    serverNoContextTakeover: serverNoContextTakeover === true,
  };
}

function keepAlive({ keepAlive: isOn, keepAliveInitialDelay }: ClientOptions): boolean | number {
  if (isOn !== true) return false;
  return integer("keepAliveInitialDelay", keepAliveInitialDelay, 0) || true;
}

/** Returns a new function for each call, because the stream of a connection is recognized by its function. */
export function lookupOf({ lookup, family, hints }: ClientOptions): LookupFunction {
  const search = checkFunction("lookup", lookup);
  const own = { ...(family === undefined ? {} : { family }), ...(hints === undefined ? {} : { hints }) };
  return (host, options, callback) => (search ?? nodeDns().lookup)(host, { ...options, ...own }, callback);
}

function readHeaders({ headers = {}, ...others }: ClientOptions): Settings["headers"] {
  if (typeof headers !== "object" || Symbol.iterator in headers)
    throw new TypeError('The option "headers" must be an object with a property for each header field.');
  const fields = new Map<string, readonly [name: string, value: string | readonly string[]]>();
  for (const [name, value] of Object.entries(headers)) {
    if (handshakeFields.test(name.toLowerCase())) continue;
    if (value === undefined)
      throw new TypeError(`The header field "${name}" has the value undefined. Remove it from headers.`);
    fields.set(name.toLowerCase(), [name, typeof value === "object" ? value : String(value)]);
  }
  const origin = text("origin", others.origin);
  if (origin !== undefined) fields.set("origin", ["Origin", origin]);
  return fields;
}

function checkFunction<Value>(name: string, value: Value): Value {
  if (value === undefined || typeof value === "function") return value;
  throw new TypeError(`The option "${name}" must be a function, not ${typeof value}.`);
}

/** As in `ws`, an empty string and `false` mean that the option is not set. */
function text(name: string, value: unknown): string | undefined {
  if (value === undefined || value === "" || value === false) return undefined;
  if (typeof value === "string") return value;
  throw new TypeError(`The option "${name}" must be a string, not ${typeof value}.`);
}

function boolean(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`The option "${name}" must be true or false, not ${typeof value}.`);
}

function integer(
  name: string,
  value: number | undefined,
  fallback: number,
  most: number = maxInteger,
): number {
  return optional(name, value, 0, most) ?? fallback;
}

function optional(name: string, value: number | undefined, least: number, most: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value;
  throw new RangeError(
    `The option "${name}" must be an integer from ${least} to ${most}, not ${String(value)}.`,
  );
}

/** A value of 0, or one that no message can reach, is no limit. */
function limit(name: string, value: number | undefined, fallback: number, most: number): number {
  if (value !== Infinity) integer(name, value, fallback);
  return Math.min((value ?? fallback) || most, most);
}
