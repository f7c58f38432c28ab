// The peer of a socket, in a process of its own: it discards what it reads, or writes as fast as possible.
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(import.meta.url);

/** @param {"reader" | "writer"} role @returns {Promise<number>} The port it listens on. */
export async function startPeer(role) {
  const peer = fork(file, [role]);
  process.on("exit", () => peer.kill());
  const [port] = await once(peer, "message");
  peer.unref();
  peer.channel.unref();
  return port;
}

function serve(socket, role) {
  socket.on("error", () => socket.destroy());
  if (role === "reader") {
    socket.resume();
    return;
  }
  const bytes = Buffer.alloc(1024 * 1024);
  const write = () => {
    while (socket.write(bytes));
  };
  socket.on("drain", write);
  write();
}

if (process.argv[1] === file) {
  const server = createServer((socket) => serve(socket, process.argv[2]));
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
  process.on("disconnect", () => process.exit());
}
