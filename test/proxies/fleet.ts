// All proxies of these tests, with and without credentials, and the clients that use them. It does not judge results.
import type { LookupFunction } from "node:net";
import * as jetsocket from "../../src/index.js";
import { createCountingRuntime, type CountingRuntime } from "../support/counting-runtime.js";
import { ProxyServer } from "../support/proxy-server.js";
import { certificate } from "./echo-server.js";
import { credentials, ProxyProcess } from "./proxy-process.js";
import { microsocks, type ProxyProgram, squid, tinyproxy } from "./proxy-programs.js";

/** A running proxy. */
export interface AnyProxy {
  readonly name: string;
  readonly port: number;
  /** @param login - User name and password, encoded. */
  url(login?: string): string;
}

export const programs: readonly ProxyProgram[] = [squid(), squid(certificate), tinyproxy, microsocks];
const ownKinds = ["http", "https", "socks5"] as const;

/** The names of all proxies, those of {@link programs} first. */
export const proxyNames: readonly string[] = [
  ...programs.map(({ name }) => name),
  ...ownKinds.map((kind) => `own ${kind}`),
];

/** Waits for all, also if one has failed, so that those that have started can be stopped. */
export async function allStarted(starts: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(starts);
  await Promise.all(starts);
}

/** One of each proxy without credentials, and one that requires them. */
export class Fleet {
  readonly #free: Map<string, AnyProxy> = new Map();
  readonly #locked: Map<string, AnyProxy> = new Map();
  readonly #ends: (() => Promise<void>)[] = [];

  async start(): Promise<this> {
    const all = [false, true].flatMap((needsLogin) => [
      ...programs.map((program) => this.#startProgram(program, needsLogin)),
      ...ownKinds.map((kind) => this.#startOwn(kind, needsLogin)),
    ]);
    await allStarted(all);
    return this;
  }

  async #startProgram(program: ProxyProgram, needsLogin: boolean): Promise<void> {
    const proxy = await ProxyProcess.start(program, needsLogin);
    this.#ends.push(() => proxy.remove());
    this.#add(proxy, needsLogin);
  }

  async #startOwn(kind: (typeof ownKinds)[number], needsLogin: boolean): Promise<void> {
    const login = needsLogin ? { credentials: `${credentials.user}:${credentials.password}` } : {};
    const server = await new ProxyServer({ kind, certificate, ...login }).listen();
    this.#ends.push(() => server.close());
    const url = (login?: string): string => server.url(login).replace("localhost", "127.0.0.1");
    this.#add({ name: `own ${kind}`, port: server.port, url }, needsLogin);
  }

  #add(proxy: AnyProxy, needsLogin: boolean): void {
    (needsLogin ? this.#locked : this.#free).set(proxy.name, proxy);
  }

  /** @throws Error for an unknown name, or if the proxy did not start. */
  get(name: string, needsLogin = false): AnyProxy {
    const proxy = (needsLogin ? this.#locked : this.#free).get(name);
    if (proxy === undefined) throw new Error(`The proxy ${name} is not running.`);
    return proxy;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
  }
}

/** Fails for every name, so a client without a proxy does not reach `localhost`. */
export const noLookup: LookupFunction = (name) => {
  throw new Error(`This machine does not know ${name}.`);
};

/** The option `proxy` for a url. TLS to the proxy needs the certificate of these tests. */
export function optionFor(url: string): jetsocket.ProxyOption {
  return url.startsWith("https:") ? { url, tls: { ca: certificate.cert } } : url;
}

export type Message = string | Buffer;
export type Client = jetsocket.WebSocket<Message, string | Uint8Array>;
export type Options = jetsocket.WebSocketOptions<Message, string | Uint8Array>;

/** Clients of one test. {@link finish} checks that they have left nothing open. */
export class Clients {
  readonly counting: CountingRuntime = createCountingRuntime();
  readonly #open: Client[] = [];

  /** Connects by the public function. By default, the client resolves no names. */
  async connect(url: string, options: Options): Promise<Client> {
    const ws = await jetsocket.connect<Message, string | Uint8Array>(url, {
      ...{ runtime: this.counting.runtime, lookup: noLookup, tls: { ca: certificate.cert } },
      ...{ deserializer: (data: Message) => data, reconnect: false, ...options },
    });
    this.#open.push(ws);
    return ws;
  }

  async finish(): Promise<void> {
    await Promise.all(this.#open.map((ws) => ws.close()));
    this.counting.assertIdle();
  }
}
