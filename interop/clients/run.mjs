// Runs the WebSocket clients of npm on `jetsocket/ws`, against their servers: `node interop/clients/run.mjs [NAME …]`.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Cutter } from "./cutter.mjs";
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
  "puppeteer-core": [undefined, "Chromium"],
  "playwright-core": [undefined, "Chromium"],
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

async function check(name, [server, note = ""]) {
  const started = server === undefined ? undefined : await servers[server]();
  const cutter = new Cutter();
  try {
    const port = started === undefined ? 0 : await cutter.listen(started.port);
    const result = await runClient(name, cutter, `ws://127.0.0.1:${port}/`);
    const accepted = started === undefined ? result.accepted : cutter.count;
    const isEqual = result.made === accepted;
    const isGood = result.kind === "done" && result.received >= 1000 && isEqual && result.made > 1;
    const detail =
      result.error ?? `${result.received} messages, ${result.made} sockets of ${accepted} accepted`;
    return {
      isGood,
      line: `${isGood ? "ok  " : "FAIL"} ${name.padEnd(24)} ${(server ?? note).padEnd(12)} ${detail}${note && server ? `; ${note}` : ""}`,
    };
  } finally {
    if (started !== undefined) cutter.close();
    started?.stop();
  }
}

const chosen = process.argv.slice(2);
for (const [name, client] of Object.entries(clients)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const { isGood, line } = await check(name, client).catch((error) => ({
    isGood: false,
    line: `FAIL ${name}: ${error.stack}`,
  }));
  console.log(line);
  if (!isGood) process.exitCode = 1;
}
