// The servers of the clients, each on a free port of 127.0.0.1. JavaScript servers use the original package `ws`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "node:net";

const debian = process.env.CLIENTS_DEBIAN ?? fileURLToPath(new URL(".debian/root", import.meta.url));

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function untilListening(port, child) {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The server ended with the code ${child.exitCode}.`);
    const socket = connect(port, "127.0.0.1");
    const isOpen = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(
        () => false,
        () => false,
      ),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await wait(50);
  }
}

async function start(command, args, port) {
  const libraries = join(debian, "usr/lib/x86_64-linux-gnu");
  const child = spawn(command, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  });
  child.on("error", () => undefined);
  await once(child, "spawn");
  await untilListening(port, child);
  return { port, stop: () => child.kill() };
}

function configuration(text) {
  const file = join(mkdtempSync(join(tmpdir(), "clients-")), "server.conf");
  writeFileSync(file, text);
  return file;
}

function binary(path) {
  const file = join(debian, path);
  return existsSync(file) ? file : path.split("/").at(-1);
}

/** A server of this folder, `scripted.mjs KIND PORT`. */
const scripted = (kind) => async () => {
  const port = await freePort();
  return start(process.execPath, [fileURLToPath(new URL("scripted.mjs", import.meta.url)), kind, port], port);
};

export const servers = {
  async mosquitto() {
    const port = await freePort();
    const text = `listener ${port} 127.0.0.1\nprotocol websockets\nallow_anonymous true\npersistence false\nlog_type error\nuser root\n`;
    return start(binary("usr/sbin/mosquitto"), ["-c", configuration(text)], port);
  },
  async nats() {
    const port = await freePort();
    const text = `host: 127.0.0.1\nport: -1\nlog_file: /dev/null\nwebsocket { host: 127.0.0.1, port: ${port}, no_tls: true, compression: true }\n`;
    return start(binary("usr/sbin/nats-server"), ["-c", configuration(text)], port);
  },
  async chromium() {
    const { default: chromium } = await import("@sparticuz/chromium");
    const args = [...chromium.args, "--remote-debugging-port=0"];
    const child = spawn(await chromium.executablePath(), args, { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    for await (const bytes of child.stderr) {
      text += bytes;
      const [, port, path] = /DevTools listening on ws:\/\/[^/:]+:(\d+)\/(\S+)\s/.exec(text) ?? [];
      if (path === undefined) continue;
      return { port: Number(port), path, stop: () => child.kill() };
    }
    throw new Error(`Chromium ended: ${text}`);
  },
  socketIo: scripted("socket.io"),
  graphqlWs: scripted("graphql-ws"),
  yWebsocket: scripted("y-websocket"),
  jsonRpc: scripted("json-rpc"),
  centrifuge: scripted("centrifuge"),
  phoenix: scripted("phoenix"),
  echo: scripted("echo"),
};
