// Checks that properties added to Object.prototype are not read as options.
import { once } from "node:events";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { createTlsCertificate } from "../support/tls-certificate.js";
import { runProgram, transpiledEntryPoint } from "../layers/child-process.js";

const certificate = createTlsCertificate();
const servers: Server[] = [];
const headersSeen = new Set<string>();

async function listen(server: Server): Promise<number> {
  servers.push(server);
  const echo = new WebSocketServer({ server });
  echo.on("connection", (socket, request) => {
    for (const name of Object.keys(request.headers)) headersSeen.add(name);
    socket.on("message", (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

let port: number;
let securePort: number;

beforeAll(async () => {
  port = await listen(createServer());
  securePort = await listen(createSecureServer({ ...certificate }));
});

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

type Pollution = readonly (readonly [name: string, value: string])[];

/** Properties added to `Object.prototype`. Each would change the outcome if it were read as an option. */
const ofOptions: Pollution = [
  ["createConnection", "() => { throw new Error('createConnection') }"],
  ["socketPath", "'/nowhere.sock'"],
  ["lookup", "() => { throw new Error('lookup') }"],
  ["localAddress", "'192.0.2.1'"],
  ["headers", "{ 'X-Evil': 'yes' }"],
  ["subprotocols", "['evil']"],
  ["serializer", "() => 'evil'"],
  ["deserializer", "() => 'evil'"],
  ["compress", "{ level: 99 }"],
  ["heartbeat", "'evil'"],
  ["outbox", "'evil'"],
  ["backoff", "'evil'"],
  ["replay", "{}"],
  ["onConnection", "() => { throw new Error('onConnection') }"],
  ["maxMessageSize", "1"],
  ["connectTimeout", "0"],
  ["runtime", "{}"],
  ["schema", "{}"],
  ["signal", "AbortSignal.abort(new Error('signal'))"],
  ["timeout", "0"],
  ["binary", "true"],
  ["payload", "'evil'"],
  ["borrowed", "true"],
  ["maxHeaderSize", "1"],
  ["maxHeaderFields", "0"],
  ["extension", "{}"],
  ["observer", "{}"],
  ["offers", "[{}]"],
  ["level", "99"],
  ["windowBits", "99"],
  ["peerWindowBits", "8"],
  ["codecs", "{}"],
  // The accessors of a property descriptor.
  ["get", "() => 'evil'"],
  ["set", "() => undefined"],
];
/** Options of Node's sockets. Options of the streams inside a TLS socket, such as `writable`, cannot be protected. */
const ofSockets: Pollution = [
  ["host", "'nowhere.invalid'"],
  ["port", "1"],
  ["path", "'/nowhere.sock'"],
  ["localPort", "1"],
  ["family", "6"],
  ["hints", "-1"],
  ["autoSelectFamily", "'evil'"],
  ["fd", "-7"],
  ["allowHalfOpen", "false"],
  ["readable", "false"],
  ["onread", "{ buffer: new Uint8Array(1), callback() { throw new Error('onread') } }"],
];
const ofTls: Pollution = [
  ["tlsSessions", "'evil'"],
  ["tls", "{ ca: 'none', rejectUnauthorized: false }"],
  ["rejectUnauthorized", "false"],
  ["servername", "'evil.test'"],
  ["ca", "'none'"],
  ["cert", "'none'"],
  ["key", "'none'"],
  ["pfx", "'none'"],
  ["crl", "'none'"],
  ["ciphers", "'NONE'"],
  ["minVersion", "'TLSv9'"],
  ["maxVersion", "'TLSv9'"],
  ["secureProtocol", "'none'"],
  ["secureContext", "{}"],
  ["socket", "{}"],
  ["session", "'none'"],
  ["checkServerIdentity", "() => new Error('checkServerIdentity')"],
  ["pskCallback", "() => { throw new Error('pskCallback') }"],
  ["ALPNProtocols", "['evil']"],
  ["minDHSize", "'evil'"],
  ["ecdhCurve", "'none'"],
];

type Scenario = "plain" | "secure" | "untrusted" | "resumed" | "changed";

/** The expected result of each program, for every polluted property. */
const usual: Readonly<Record<Scenario, string>> = {
  plain: '{"hello":"world"}number',
  secure: '{"hello":"world"}number',
  resumed: "true",
  changed: "DEPTH_ZERO_SELF_SIGNED_CERT",
  untrusted: "DEPTH_ZERO_SELF_SIGNED_CERT",
};

/** Connects once per polluted property and prints the results. */
function program(entryPoint: string, pollution: Pollution, played: readonly Scenario[]): string {
  const begin = `
const { WebSocket } = await import(${JSON.stringify(entryPoint)});
const secure = "wss://localhost:${securePort}/";
const plays = {
  plain: () => exchange("ws://127.0.0.1:${port}/", { reconnect: false }),
  secure: () => exchange(secure, { reconnect: false, tls: { ca: ${JSON.stringify(certificate.cert)} } }),
  untrusted: () => exchange(secure, { reconnect: false, tls: {} }),
  resumed: () => twice((tls) => tls),
  changed: () => twice((tls) => { tls.ca = []; }),
};
/** Connects twice, and calls "change" in between. */
async function twice(change) {
  const tls = { ca: ${JSON.stringify(certificate.cert)} };
  const ws = new WebSocket(secure, { tls });
  const outcome = new Promise((resolve) => {
    ws.on("error", ({ error }) => resolve(error.code));
    ws.on("reconnected", ({ tls: { isResumed } }) => resolve(isResumed));
  });
  await ws.connect({});
  change(tls);
  void ws.reconnect({});
  await outcome;
  ws.terminate();
  return String(await outcome);
}
async function exchange(url, options) {
  const ws = new WebSocket(url, options);
  ws.on("error", () => {});
  try {
    await ws.connect({});
    await ws.send({ hello: "world" }, {});
    const answer = await ws.recv({});
    const latency = await ws.ping({});
    await ws.close();
    return JSON.stringify(answer) + typeof latency + ws.subprotocol;
  } catch (error) {
    ws.terminate();
    return error.code ?? error.message;
  }
}
`;
  const steps = pollution.flatMap(([name, value]) =>
    played.map(
      (scenario) => `
for (const enumerable of [true, false]) {
  const value = ${value};
  const property = { value, enumerable, configurable: true, writable: true, __proto__: null };
  Object.defineProperty(Object.prototype, ${JSON.stringify(name)}, property);
  const outcome = await plays.${scenario}();
  delete Object.prototype[${JSON.stringify(name)}];
  console.log(${JSON.stringify(`${name}, ${scenario}: `)} + outcome);
}`,
    ),
  );
  return [begin, ...steps, "process.exit();"].join("\n");
}

describe("a property added to Object.prototype", () => {
  it.each([
    ["the client, of calls and of the protocol", ofOptions, ["plain"]],
    ["Node's sockets", ofSockets, ["plain", "secure"]],
    ["TLS", ofTls, ["secure", "untrusted", "resumed", "changed"]],
  ] as const)("is not read as an option of %s", { timeout: 30_000 }, async (_what, pollution, played) => {
    const lines: string[] = [];
    const source = program(transpiledEntryPoint(), pollution, played);
    const errors = await runProgram(source, (line) => void lines.push(line));
    expect(errors).toBe("");
    expect(lines).toEqual(
      pollution.flatMap(([name]) =>
        played.flatMap((scenario) => Array<string>(2).fill(`${name}, ${scenario}: ${usual[scenario]}`)),
      ),
    );
    expect([...headersSeen]).not.toContain("x-evil");
    expect([...headersSeen]).not.toContain("sec-websocket-protocol");
  });
});
