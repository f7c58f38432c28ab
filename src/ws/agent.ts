/** Translates an agent of Node's HTTP client to options of the client. It does not create sockets itself. */
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import type { ProxyOptions, WebSocketOptions } from "../index.js";
import { nodeHttp, nodeHttps } from "./node-modules.js";
import { isSocketOption, readOptions } from "./options.js";
import { type FieldValue, Request } from "./response.js";
import type { ConnectionTarget, CreateConnection } from "./types.js";

/** How the connection reaches its server. */
export type Route = Pick<
  WebSocketOptions<unknown, unknown>,
  "proxy" | "tls" | "lookup" | "localAddress" | "createConnection"
>;

/** What the agents of Node, and those of the packages around `agent-base`, may have. */
interface AnyAgent {
  readonly protocol?: unknown;
  readonly options?: object;
  readonly proxy?: unknown;
  readonly proxyHeaders?: unknown;
  readonly connectOpts?: object;
  /** The result may be another agent. */
  readonly connect?: (request: object, target: ConnectionTarget) => unknown;
  readonly createConnection?: CreateConnection;
}

/** The fields that the proxy agents keep about their proxy, in an object or a URL. */
interface ProxyFields {
  readonly href?: unknown;
  readonly protocol?: unknown;
  readonly type?: unknown;
  readonly host?: unknown;
  readonly hostname?: unknown;
  readonly port?: unknown;
  readonly auth?: unknown;
  readonly userId?: unknown;
  readonly password?: unknown;
  readonly headers?: unknown;
}

/**
 * @param url - The URL, of which agents may read the path from the request.
 * @throws TypeError for an agent that cannot be used for the target.
 */
export function routeThrough(given: unknown, target: ConnectionTarget, url: URL): Route {
  if (typeof given !== "object" || given === null)
    throw new TypeError(`The option "agent" must be an agent, false or undefined, not ${typeof given}.`);
  const agent = given as AnyAgent;
  if (agent.proxy !== undefined && agent.proxy !== null) return { proxy: proxyOf(agent) };
  if (typeof agent.connect !== "function" && typeof agent.createConnection !== "function")
    throw new TypeError(
      'The option "agent" must have a property "proxy", or a method "connect" or "createConnection".',
    );
  if (isOrdinary(agent)) return ordinaryRoute(agent, target);
  return { createConnection: () => socketOf(agent, target, url) };
}

/** Returns the socket that an agent creates, or that an agent creates which the agent chooses. */
async function socketOf(given: unknown, target: ConnectionTarget, url: URL): Promise<Duplex> {
  const agent = given as AnyAgent;
  if (typeof agent.connect === "function" && !("write" in agent))
    return socketOf(await agent.connect(requestFor(target, url), target), target, url);
  if (typeof agent.createConnection !== "function") return given as Duplex;
  return createSocket((options, onSocket) => agent.createConnection!(options, onSocket), target);
}

/** True for `http.Agent` and `https.Agent` that create their sockets as Node does. */
function isOrdinary({ createConnection }: AnyAgent): boolean {
  const ordinary: unknown[] = [nodeHttp().Agent, nodeHttps().Agent].map(
    ({ prototype }) => (prototype as AnyAgent).createConnection,
  );
  return ordinary.includes(createConnection);
}

function ordinaryRoute({ protocol, options }: AnyAgent, { secureEndpoint }: ConnectionTarget): Route {
  const expected = secureEndpoint ? "https:" : "http:";
  if (typeof protocol === "string" && protocol !== expected)
    throw Object.assign(new TypeError(`Protocol "${expected}" not supported. Expected "${protocol}"`), {
      code: "ERR_INVALID_PROTOCOL",
    });
  // The other options concern the pool of the agent, which a WebSocket does not use.
  const own = Object.entries(options ?? {}).filter(([name]) => isSocketOption(name));
  const { engine, tls } = readOptions(Object.fromEntries(own));
  const names = own.map(([name]) => name);
  return {
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(["lookup", "family", "hints"].some((name) => names.includes(name)) ? { lookup: engine.lookup } : {}),
    ...(engine.localAddress === undefined ? {} : { localAddress: engine.localAddress }),
  };
}

/** The socket is the result of `create`, or is passed to its callback. */
export function createSocket(create: CreateConnection, target: ConnectionTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = create(target, (error, created) => {
      if (error) reject(error);
      else resolve(created!);
    });
    if (socket) resolve(socket);
  });
}

/** A request for agents to read. It is never sent. */
function requestFor({ headers, host }: ConnectionTarget, url: URL): Request {
  const fields = new Map<string, readonly [string, FieldValue]>([["host", ["Host", host]]]);
  for (const [name, value] of Object.entries(headers)) fields.set(name.toLowerCase(), [name, value]);
  // An agent may treat WebSockets in another way than requests.
  fields.set("upgrade", ["Upgrade", "websocket"]);
  return new Request(url, fields, () => undefined);
}

function proxyOf({ proxy, proxyHeaders, connectOpts = {} }: AnyAgent): ProxyOptions {
  const fields: ProxyFields = typeof proxy === "object" ? (proxy as ProxyFields) : { href: proxy };
  const url = parseProxy(typeof fields.href === "string" ? fields.href : urlOf(fields));
  // The scheme `socks5h:` says that the proxy resolves the name, as the client always does.
  if (/^socks(?:5h)?:$/.test(url.protocol)) url.href = url.href.replace(/^socks(?:5h)?:/, "socks5:");
  const headers: unknown =
    typeof proxyHeaders === "function" ? Reflect.apply(proxyHeaders, undefined, []) : proxyHeaders;
  const isPlain = url.protocol !== "https:";
  const { host: _, port: __, ALPNProtocols: ___, ...tls } = connectOpts as ConnectionOptions;
  return {
    url,
    headers: { ...((headers ?? fields.headers ?? {}) as Record<string, string>) },
    tls: isPlain || Object.keys(tls).length === 0 ? undefined : tls,
  };
}

/** The error does not contain the URL, because the URL may contain credentials. */
function parseProxy(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw notUrl();
  }
}

function notUrl(): TypeError {
  return new TypeError('The option "agent" has a property "proxy" that is not a URL.');
}

function urlOf({ protocol, type, host, hostname, port, auth, userId, password }: ProxyFields): string {
  if (type === 4)
    throw new TypeError('The option "agent" has a proxy of the type SOCKS 4. Use SOCKS 5 or an HTTP proxy.');
  const scheme = typeof protocol === "string" ? protocol : "socks5:";
  const name = host ?? hostname;
  if (typeof name !== "string") throw notUrl();
  const url = parseProxy(`${scheme}//${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}`);
  if (typeof port === "number" || typeof port === "string") url.port = `${port}`;
  const [user, ...rest] = typeof auth === "string" ? auth.split(":") : [userId, password];
  if (typeof user === "string") url.username = encodeURIComponent(user);
  const secret: unknown = typeof auth === "string" ? rest.join(":") : password;
  if (typeof secret === "string") url.password = encodeURIComponent(secret);
  return url.href;
}
