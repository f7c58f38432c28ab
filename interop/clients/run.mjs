// Runs the WebSocket clients of npm on `jetsocket/ws`, against their servers: `node interop/clients/run.mjs [NAME …]`.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Cutter } from "./cutter.mjs";
import { checkMigration } from "./migration.mjs";
import { servers } from "./servers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The server of each client. `scripted` says that the peer speaks what the source of the client expects. */
const clients = {
  mqtt: ["mosquitto"],
  "nats-core": ["nats"],
  "graphql-ws": ["graphqlWs"],
  "socket.io-client": ["socketIo"],
  "engine.io-client": ["socketIo"],
  "y-websocket": ["yWebsocket"],
  "reconnecting-websocket": ["echo"],
  centrifuge: ["centrifuge", "scripted"],
  "supabase-realtime": ["phoenix", "scripted"],
  ethers: ["jsonRpc", "scripted"],
  viem: ["jsonRpc", "scripted"],
  "puppeteer-core": ["chromium"],
  "playwright-core": ["chromium"],
};
const timeLimit = 60_000;

async function runClient(name, cutter, url) {
  const child = spawn(
    process.execPath,
    ["--require", here("resolve-ws.cjs"), here("program.mjs"), name, url],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, JETSOCKET_WS: process.env.JETSOCKET_WS ?? here("../../dist/ws-require.cjs") },
    },
  );
  const timer = setTimeout(() => child.kill(), timeLimit);
  return new Promise((resolve) => {
    child.on("message", (message) => {
      if (message.kind === "drop") {
        cutter.cut();
        child.send("dropped");
      } else {
        resolve(message);
      }
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      resolve({ kind: "failed", error: signal ? `no result after ${timeLimit} ms` : `exit code ${code}` });
    });
  });
}

async function check(name, [server, note]) {
  const started = await servers[server]();
  const cutter = new Cutter();
  try {
    const port = await cutter.listen(started.port);
    const result = await runClient(name, cutter, `ws://127.0.0.1:${port}/${started.path ?? ""}`);
    const isEqual = result.made === cutter.count;
    const isGood = result.kind === "done" && result.received >= 1000 && isEqual && result.made > 1;
    const sockets = `${result.made} sockets, ${cutter.count} at the server`;
    return [
      isGood,
      note === undefined ? server : `${server}, ${note}`,
      result.error ?? `${result.received} messages, ${sockets}`,
    ];
  } finally {
    cutter.close();
    started.stop();
  }
}

const chosen = process.argv.slice(2);
for (const [name, client] of Object.entries(clients)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const [isGood, server, detail] = await check(name, client).catch((error) => [
    false,
    client[0],
    error.stack,
  ]);
  console.log(`${isGood ? "ok  " : "FAIL"} ${name.padEnd(23)} ${server.padEnd(20)} ${detail}`);
  if (!isGood) process.exitCode = 1;
}
if (chosen.length === 0 || chosen.includes("migration"))
  for (const [isGood, name, detail] of await checkMigration()) {
    console.log(`${isGood ? "ok  " : "FAIL"} ${"migration".padEnd(23)} ${name.padEnd(20)} ${detail}`);
    if (!isGood) process.exitCode = 1;
  }
