// The server of the checks built on `ws`. ../README.md describes its paths.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { once } from "node:events";
import { WebSocketServer } from "ws";
import { patternBytes, phraseText, tradeText } from "../payloads.mjs";

const maxMessageSize = 16 * 1024 * 1024;
const knownSubprotocols = ["interop.v2", "interop.v1"];
const [certificateFile, keyFile] = process.argv.slice(2);

function report(event, details) {
  process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
}

const paths = {
  "/echo": (ws) => {
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
  },

  "/fragments": (ws, query) => {
    const isBinary = query.get("kind") === "binary";
    const count = Number(query.get("count"));
    const whole = isBinary ? patternBytes(count) : Buffer.from(phraseText(count));
    const parts = Number(query.get("parts"));
    for (let part = 0; part < parts; part++) {
      const bytes = whole.subarray((whole.length * part) / parts, (whole.length * (part + 1)) / parts);
      if (part === 1) ws.ping("between");
      ws.send(bytes, { binary: isBinary, fin: part === parts - 1 });
    }
  },

  "/burst": (ws, query) => {
    const count = Number(query.get("count"));
    for (let sequence = 0; sequence < count; sequence++) ws.send(tradeText(sequence));
  },

  "/ping": (ws, query, id) => {
    ws.on("pong", (payload) => report("pong", { id, payload: payload.toString() }));
    ws.ping(query.get("payload"));
  },

  "/close": (ws, query) => {
    ws.send("the last message");
    ws.close(Number(query.get("code")), query.get("reason"));
  },
};

function refuse({ req: request }, answer) {
  if (!request.url.startsWith("/refuse")) return answer(true);
  const headers = { "Content-Type": "text/plain", "WWW-Authenticate": 'Bearer realm="interop"' };
  return answer(false, 401, "no token, no feed", headers);
}

async function listen(httpServer, perMessageDeflate) {
  const options = { server: httpServer, perMessageDeflate, maxPayload: maxMessageSize, verifyClient: refuse };
  const handleProtocols = (offered) => knownSubprotocols.find((name) => offered.has(name)) ?? false;
  const webSocketServer = new WebSocketServer({ ...options, handleProtocols });
  webSocketServer.on("connection", (ws, request) => {
    const { pathname, searchParams: query } = new URL(request.url, "ws://localhost");
    const id = query.get("id");
    const compression = ws.extensions.includes("permessage-deflate");
    report("open", { id, headers: request.headers, subprotocol: ws.protocol, compression });
    ws.on("close", (code, reason) => report("closed", { id, code, reason: reason.toString() }));
    ws.on("error", (error) => process.stderr.write(`${error.stack}\n`));
    paths[pathname](ws, query, id);
  });
  httpServer.listen(0, "127.0.0.1");
  await once(httpServer, "listening");
  return httpServer.address().port;
}

// Threshold 0 compresses small messages too, so that the effect of the context can be measured.
const compression = { threshold: 0 };
const secure = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
const port = await listen(createServer(), compression);
const plainPort = await listen(createServer(), false);
const tlsPort = await listen(createTlsServer(secure), compression);
const { version } = createRequire(import.meta.url)("ws/package.json");
report("listening", { library: `ws ${version}`, port, plainPort, tlsPort });
process.stdin.resume().on("end", () => process.exit());
