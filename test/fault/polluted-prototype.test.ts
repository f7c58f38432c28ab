import { once } from "node:events";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { createTlsCertificate } from "../support/tls-certificate.js";
import { runProgram, transpiledDoor } from "../layers/own-process.js";

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

/** What something adds to `Object.prototype`: each is a value that would change the outcome if it were read as an option. */
const ofClients: Pollution = [
  ["rejectUnauthorized", "false"],
  ["createConnection", "() => { throw new Error('createConnection') }"],
  ["socketPath", "'/nowhere.sock'"],
  ["lookup", "() => { throw new Error('lookup') }"],
  ["localAddress", "'192.0.2.1'"],
  ["tls", "{ ca: 'none', rejectUnauthorized: false }"],
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
];
const ofCallsAndProtocol: Pollution = [
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
];
/** Those of the streams inside of a TLS socket, such as `writable`, are out of reach. */
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

/** Connects three times with each name in `Object.prototype`, and prints what has become of it. */
function program(door: string, pollution: Pollution): string {
  return `
const { WebSocket } = await import(${JSON.stringify(door)});
async function talk(url, options) {
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
async function run() {
  const secure = "wss://localhost:${securePort}/";
  const ca = ${JSON.stringify(certificate.cert)};
  return [
    await talk("ws://127.0.0.1:${port}/", { reconnect: false }),
    await talk(secure, { reconnect: false, tls: { ca } }),
    await talk(secure, { reconnect: false, tls: {} }),
  ].join(" | ");
}
console.log("nothing: " + (await run()));
${pollution
  .map(
    ([name, value]) => `
{
  const value = ${value};
  Object.prototype[${JSON.stringify(name)}] = value;
  const outcome = await run();
  delete Object.prototype[${JSON.stringify(name)}];
  console.log(${JSON.stringify(`${name}: `)} + outcome);
}`,
  )
  .join("\n")}
process.exit();
`;
}

describe("a property that something adds to Object.prototype", () => {
  it.each([
    ["the client", ofClients],
    ["calls and the protocol", ofCallsAndProtocol],
    ["Node's sockets", ofSockets],
    ["TLS", ofTls],
  ])("is not read as an option of %s", { timeout: 30_000 }, async (_what, pollution) => {
    const lines: string[] = [];
    const errors = await runProgram(program(transpiledDoor(), pollution), (line) => void lines.push(line));
    const usual = '{"hello":"world"}number | {"hello":"world"}number | DEPTH_ZERO_SELF_SIGNED_CERT';
    expect(errors).toBe("");
    expect(lines).toEqual(["nothing", ...pollution.map(([name]) => name)].map((name) => `${name}: ${usual}`));
    expect([...headersSeen]).not.toContain("x-evil");
    expect([...headersSeen]).not.toContain("sec-websocket-protocol");
  });
});
