/** Translates an agent of Node's HTTP client to options of the client. It does not create sockets itself. */
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import type { ProxyOptions, WebSocketOptions } from "../index.js";
import { nodeHttp, nodeHttps } from "./node-modules.js";
import { isSocketOption, readOptions } from "./options.js";
import type { ConnectionTarget } from "./types.js";

/** How the connection reaches its server. */
export type Route = Pick<
  WebSocketOptions<unknown, unknown>,
  "proxy" | "tls" | "lookup" | "localAddress" | "createConnection"
>;

type OnSocket = (error: Error | null, socket?: Duplex) => void;

/** What the agents of Node, and those of the packages around `agent-base`, may have. */
interface AnyAgent {
  readonly protocol?: unknown;
  readonly options?: object;
  readonly proxy?: unknown;
  readonly proxyHeaders?: unknown;
  readonly connectOpts?: object;
  readonly connect?: (request: object, target: ConnectionTarget) => Duplex | Promise<Duplex>;
  readonly createConnection?: (target: ConnectionTarget, onSocket: OnSocket) => Duplex | null | undefined;
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

/** @throws TypeError for an agent that cannot be used for the target. */
export function routeThrough(given: unknown, target: ConnectionTarget): Route {
  if (typeof given !== "object" || given === null)
    throw new TypeError(`The option "agent" must be an agent, false or undefined, not ${typeof given}.`);
  const agent = given as AnyAgent;
  if (agent.proxy !== undefined && agent.proxy !== null) return { proxy: proxyOf(agent) };
  if (typeof agent.connect === "function")
    return { createConnection: () => agent.connect!(requestFor(target), target) };
  if (typeof agent.createConnection !== "function")
    throw new TypeError(
      'The option "agent" must have a property "proxy", or a method "connect" or "createConnection".',
    );
  return isOrdinary(agent) ? ordinaryRoute(agent, target) : { createConnection: () => create(agent, target) };
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

/** A socket is the result of `createConnection()`, or is passed to its callback. */
function create(agent: AnyAgent, target: ConnectionTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const onSocket: OnSocket = (error, socket) => {
      if (error) reject(error);
      else resolve(socket!);
    };
    const socket = agent.createConnection!(target, onSocket);
    if (socket) resolve(socket);
  });
}

/** The parts of a request that agents read. */
function requestFor({ path, headers, host }: ConnectionTarget): object {
  const fields = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (!fields.has("host")) fields.set("host", host);
  return {
    ...{ method: "GET", path, host },
    getHeader: (name: string) => fields.get(name.toLowerCase()),
    setHeader: () => undefined,
    getHeaders: () => Object.fromEntries(fields),
    once: () => undefined,
    on: () => undefined,
  };
}

function proxyOf({ proxy, proxyHeaders, connectOpts = {} }: AnyAgent): ProxyOptions {
  const fields: ProxyFields = typeof proxy === "object" ? (proxy as ProxyFields) : { href: proxy };
  const url = new URL(typeof fields.href === "string" ? fields.href : urlOf(fields));
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

function urlOf({ protocol, type, host, hostname, port, auth, userId, password }: ProxyFields): string {
  if (type === 4)
    throw new TypeError('The option "agent" has a proxy of the type SOCKS 4. Use SOCKS 5 or an HTTP proxy.');
  const scheme = typeof protocol === "string" ? protocol : "socks5:";
  const name = String(host ?? hostname);
  const url = new URL(`${scheme}//${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}`);
  if (typeof port === "number" || typeof port === "string") url.port = `${port}`;
  const [user, ...rest] = typeof auth === "string" ? auth.split(":") : [userId, password];
  if (typeof user === "string") url.username = encodeURIComponent(user);
  const secret: unknown = typeof auth === "string" ? rest.join(":") : password;
  if (typeof secret === "string") url.password = encodeURIComponent(secret);
  return url.href;
}
