// Connections and attempts that end in each phase, while every place of the request and of the answers has a secret. It
// does not look for the secrets.
import type { Duplex } from "node:stream";
import type { CloseReport, WebSocketOptions } from "../../src/index.js";
import { ProxyServer } from "../support/proxy-server.js";
import { type PeerSocket, ScriptedPeer } from "../support/scripted-peer.js";
import { closeFrame, textFrame } from "../support/wire.js";
import {
  echo,
  encryptedKey,
  secretError,
  secretLookup,
  secretOptions,
  secretProxy,
  secrets as s,
  secretUrl,
  throwSecret,
} from "./secret-places.js";
import { type Package, Recorder, type Surfaces } from "./secret-surfaces.js";

type Options = WebSocketOptions<unknown, unknown>;
type Client = InstanceType<Package["WebSocket"]>;

interface Setting {
  readonly recorder: Recorder;
  readonly peer: ScriptedPeer;
  /** The port of the peer. */
  readonly port: number;
}

export interface Scenario {
  readonly name: string;
  /** The phase in the report; `undefined` if there is no attempt. */
  readonly phase: string | undefined;
  readonly isSecure?: boolean;
  /** Options in addition to those that contain secrets. */
  readonly options?: (setting: Setting) => Options | Promise<Options>;
  readonly url?: (base: string) => ConstructorParameters<Package["WebSocket"]>[0];
  /** The answer of the server to the first connection. */
  readonly serve?: (socket: PeerSocket) => unknown;
  /** What the program does after `connect()` has settled. */
  readonly act?: (client: Client, setting: Setting) => unknown;
}

const head = (status: string, ...fields: string[]): string =>
  [`HTTP/1.1 ${status}`, ...fields, "", ""].join("\r\n");
const body = JSON.stringify({ error: "denied", token: s.body, echo });
const secretFields = [
  `Set-Cookie: sid=${s.setCookie}; Path=/`,
  `WWW-Authenticate: Bearer realm="${s.challenge}"`,
  `X-Echo: ${echo}`,
  `Content-Length: ${Buffer.byteLength(body)}`,
];
const location = `Location: https://a:${s.locationPassword}@h/p?x=${s.locationQuery}#${s.locationQuery}`;
const accept = (socket: PeerSocket): Promise<unknown> =>
  socket.accept({ fields: [`Sec-WebSocket-Protocol: bearer.${s.subprotocol}`] });
const acceptAnd = (next: (socket: PeerSocket) => unknown) => async (socket: PeerSocket) => {
  await accept(socket);
  next(socket.endWithClient());
};
const ended = (client: Client): Promise<unknown> =>
  new Promise((resolve) => {
    if (client.state === "closed" || client.state === "failed") resolve(undefined);
    else client.on("closed", resolve);
  });
const reason = `${s.reasonRandom} ${s.authorization} ${s.urlPassword} ${s.apiKey} token=${s.reasonToken}`;

/** A proxy that refuses and sends secrets. */
async function refusingProxy({ peer }: Setting): Promise<Options> {
  const fields = [
    `Proxy-Authenticate: Basic realm="${s.proxyChallenge}"`,
    `Set-Cookie: ${s.proxyCookie}`,
    `X-Echo: ${s.proxyPassword} ${s.proxyHeader}`,
  ];
  void peer.client().then((socket) => socket.send(head("407 Proxy Authentication Required", ...fields)));
  return Promise.resolve({ proxy: secretProxy(`http://127.0.0.1:${peer.port}`) });
}

/** A server that redirects to the path of `to`, and then refuses and repeats what the first request contained. */
function redirecting(to: string): NonNullable<Scenario["options"]> {
  return ({ peer }) => {
    const answers = [head("302 Found", `Location: ${to}`, ...secretFields), head("401 No", ...secretFields)];
    const answer = async (): Promise<void> => {
      for (const text of answers) {
        const socket = await peer.client();
        await socket.request();
        socket.send(text, body);
      }
    };
    void answer().catch(() => undefined);
    return { followRedirects: 1 };
  };
}

/** Applications may throw any value. */
const throwing = (value: unknown) => (): never => {
  throw value as Error;
};

const functionOptions = (options: Options) => (): Options => options;

export const scenarios: readonly Scenario[] = [
  { name: "a url with a fragment", phase: undefined, url: (base) => `${secretUrl(base)}#${s.fragment}` },
  { name: "an invalid port", phase: undefined, url: (base) => secretUrl(base).replace(/:\d+\//, ":99999/") },
  {
    name: "an invalid header",
    phase: undefined,
    options: functionOptions({ headers: { a: `${s.apiKey}\n` } }),
  },
  {
    name: "a subprotocol that is no token",
    phase: undefined,
    options: functionOptions({ subprotocols: [`${s.subprotocol},`] }),
  },
  {
    name: "a proxy of another scheme",
    phase: undefined,
    options: functionOptions({ proxy: `ftp://a:${s.proxyPassword}@h` }),
  },

  { name: "a provider of the url that throws", phase: "provider", url: () => throwSecret },
  {
    name: "a provider of headers that rejects",
    phase: "provider",
    options: functionOptions({ headers: () => Promise.reject(secretError()) }),
  },
  {
    name: "a provider of subprotocols that throws a text",
    phase: "provider",
    options: functionOptions({
      subprotocols: throwing(`token=${s.thrownText}`),
    }),
  },
  {
    name: "a provider that throws an object",
    phase: "provider",
    options: functionOptions({
      headers: throwing({ token: s.thrownObject, inner: { password: s.thrownObject } }),
    }),
  },
  {
    name: "a function for the proxy that throws",
    phase: "provider",
    options: functionOptions({ proxy: throwSecret }),
  },
  {
    name: "a provider of an invalid url",
    phase: "provider",
    url: (base) => () => `${secretUrl(base)}#${s.fragment}`,
  },
  {
    name: "createConnection that throws",
    phase: "provider",
    options: functionOptions({ createConnection: throwSecret }),
  },
  {
    name: "createConnection that repeats the url",
    phase: "provider",
    options: functionOptions({
      createConnection: ({ url }): Duplex => {
        throw new Error(`cannot open ${url}`);
      },
    }),
  },
  {
    name: "credentials that are forbidden",
    phase: "provider",
    url: (base) => secretUrl(base.replace("127.0.0.1", "feed.test")),
    options: functionOptions({ insecureCredentials: "forbid" }),
  },
  {
    name: "credentials without encryption",
    phase: "dns",
    url: (base) => secretUrl(base.replace("127.0.0.1", "warned.test")),
    options: functionOptions({ lookup: secretLookup }),
  },
  {
    name: "a lookup that throws",
    phase: "dns",
    url: (base) => secretUrl(base.replace("127.0.0.1", "feed.localhost")),
    options: functionOptions({ lookup: throwSecret }),
  },
  {
    name: "no server",
    phase: "tcp",
    options: async ({ peer }) => {
      await peer.close();
      return {};
    },
  },
  { name: "a proxy that requires other credentials", phase: "proxy", options: refusingProxy },
  {
    name: "a SOCKS5 proxy that requires other credentials",
    phase: "proxy",
    options: async () => {
      const proxy = await new ProxyServer({ kind: "socks5", credentials: "a:b" }).listen();
      return { proxy: proxy.url(`${s.proxyUser}:${s.proxyPassword}`), signal: closing(proxy) };
    },
  },
  {
    name: "no proxy",
    phase: "proxy",
    options: async ({ peer, port }) => {
      await peer.close();
      return { proxy: secretProxy(`http://127.0.0.1:${port}`) };
    },
  },
  {
    name: "a lookup of the proxy that fails",
    phase: "proxy",
    options: functionOptions({ proxy: secretProxy("http://proxy.test:1"), lookup: secretLookup }),
  },

  { name: "a certificate of an unknown authority", phase: "tls", isSecure: true },
  {
    name: "checkServerIdentity that throws",
    phase: "tls",
    isSecure: true,
    options: ({ peer }) => ({
      tls: { ca: peer.ca, passphrase: s.passphrase, checkServerIdentity: secretError },
    }),
  },
  {
    name: "a key with another passphrase",
    phase: "tls",
    isSecure: true,
    options: functionOptions({ tls: { key: encryptedKey(), passphrase: s.passphrase } }),
  },
  {
    name: "a passphrase of the wrong type",
    phase: "tls",
    isSecure: true,
    options: functionOptions({
      tls: { key: encryptedKey(), passphrase: [s.passphrase] as unknown as string },
    }),
  },

  {
    name: "the status 401",
    phase: "http",
    serve: (socket) => socket.send(head("401 Unauthorized", ...secretFields), body),
  },
  {
    name: "a redirect",
    phase: "http",
    serve: (socket) => socket.send(head("302 Found", location, ...secretFields), body),
  },
  {
    name: "a redirect to a path",
    phase: "http",
    serve: (socket) => socket.send(head("302 Found", `Location: /p?${s.locationQuery}`, "Content-Length: 0")),
  },
  {
    name: "a redirect that is followed",
    phase: "http",
    options: redirecting(`/token/${s.locationPassword}?x=${s.locationQuery}`),
  },
  {
    name: "a redirect to an unencrypted url",
    phase: "http",
    isSecure: true,
    options: async (setting) => ({
      ...(await redirecting(`ws://a:${s.locationPassword}@h/?x=${s.locationQuery}`)(setting)),
      tls: { ca: setting.peer.ca, passphrase: s.passphrase },
    }),
  },
  { name: "an answer that is not HTTP", phase: "http", serve: (socket) => socket.send(`${echo}\r\n\r\n`) },
  {
    name: "a wrong subprotocol",
    phase: "http",
    serve: (socket) =>
      socket.accept({ fields: [`Sec-WebSocket-Protocol: token.${s.wrongSubprotocol}`, ...secretFields] }),
  },
  {
    name: "a wrong extension",
    phase: "http",
    serve: (socket) => socket.accept({ fields: [`Sec-WebSocket-Extensions: x; token=${s.authorization}`] }),
  },
  {
    name: "no answer",
    phase: "http",
    options: functionOptions({ connectTimeout: 300 }),
    serve: () => undefined,
  },

  {
    name: "onConnection that throws",
    phase: "setup",
    serve: accept,
    options: functionOptions({ onConnection: throwSecret }),
  },
  {
    name: "a serializer that throws in onConnection",
    phase: "setup",
    serve: accept,
    options: () => ({
      serializer: throwing(new Error(echo)),
      onConnection: async (connection) => connection.send({}),
    }),
  },
  {
    name: "a Close frame during onConnection",
    phase: "setup",
    serve: acceptAnd((socket) => socket.send(closeFrame(4401, reason))),
    options: ({ recorder }) => ({
      onConnection: async (connection) => {
        recorder.add("setup connection", connection);
        await connection.recv();
      },
    }),
  },

  { name: "a protocol error", phase: "open", serve: acceptAnd((socket) => socket.send(Buffer.of(0xff, 0))) },
  { name: "a reset", phase: "open", serve: acceptAnd((socket) => socket.reset()) },
  {
    name: "functions of the application that throw",
    phase: "closing",
    serve: acceptAnd((socket) =>
      socket.send(textFrame("{}"), textFrame(JSON.stringify({ token: s.payload })), closeFrame(1000)),
    ),
    options: functionOptions({
      serializer: throwSecret,
      deserializer: throwSecret,
      shouldReconnect: throwSecret,
    }),
    act: async (client, { recorder }) => {
      client.on("message", () => undefined);
      await recorder.catch("send", () => client.send({ token: s.payload }));
      await recorder.catch("trySend", () => client.trySend({ token: s.payload }));
    },
  },
  {
    name: "a listener that throws",
    phase: "closing",
    serve: acceptAnd((socket) => socket.send(textFrame(s.payloadRandom), closeFrame(1000))),
    act: (client) => void client.on("message", throwSecret),
  },
  {
    name: "a Close frame of the server",
    phase: "closing",
    serve: acceptAnd((socket) => socket.send(closeFrame(4401, reason))),
    act: (client, { recorder }) => recorder.catch("recv", () => client.recv()),
  },
  {
    name: "a Close frame of this client",
    phase: "closing",
    serve: acceptAnd(
      (socket) =>
        void socket
          .untilClose()
          .then(() => socket.send(closeFrame(4000)))
          .catch(() => undefined),
    ),
    act: async (client) => {
      await client.sendRaw(JSON.stringify({ token: s.payload, data: "x".repeat(20), key: s.payloadRandom }));
      await client.close(4000, `token=${s.ownReason}`);
    },
  },
];

/** Closes the proxy when the attempt is over. */
function closing(proxy: ProxyServer): AbortSignal {
  const { signal } = new AbortController();
  proxies.push(proxy);
  return signal;
}

let proxies: ProxyServer[] = [];

/** Runs a scenario. Returns what the client has shown, and its last report. */
export async function run(
  given: Package,
  { isSecure = false, options, url = secretUrl, serve, act }: Scenario,
  others: Options = {},
): Promise<{
  readonly surfaces: Surfaces;
  readonly report: CloseReport | undefined;
  readonly phase: string | undefined;
}> {
  const peer = await ScriptedPeer.listen({ isSecure });
  const { port } = peer;
  const base = peer.url.replace("/feed", "");
  const recorder = new Recorder(given);
  const setting = { recorder, peer, port };
  const all: Options = {
    ...secretOptions,
    reconnect: false,
    closeTimeout: 200,
    ...(await options?.(setting)),
    ...others,
  };
  let client: Client | undefined;
  await recorder.catch("constructor", () => void (client = recorder.create(url(base), all)));
  if (client !== undefined) {
    if (serve !== undefined)
      void peer
        .client()
        .then(async (socket) => {
          await socket.request();
          await serve(socket);
        })
        .catch(() => undefined);
    await recorder.catch("connect", () => client!.connect());
    await act?.(client, setting);
    await ended(client);
  }
  await Promise.all([...proxies.map((proxy) => proxy.close()), peer.close().catch(() => undefined)]);
  proxies = [];
  const surfaces = recorder.end(client);
  const report = client?.lastReport;
  return { surfaces, report, phase: report?.phase };
}
