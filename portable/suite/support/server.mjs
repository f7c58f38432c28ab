// A scripted WebSocket server over node:net or node:tls. It checks nothing: a test decides each byte that it sends.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import net from "node:net";
import process from "node:process";
import tls from "node:tls";
import { close, opcodes, takeFrame } from "./frames.mjs";

/** The certificate of the server, which is also its authority. */
export const certificate = {
  cert: readFileSync(process.env.PORTABLE_CERTIFICATE),
  key: readFileSync(process.env.PORTABLE_KEY),
};

/** One accepted connection. */
class Peer {
  /** The request head. */
  head = "";
  #socket;
  #bytes = Buffer.alloc(0);
  #hasEnded = false;
  #wake = () => {};

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    for (const event of ["end", "close", "error"])
      socket.on(event, () => {
        this.#hasEnded = true;
        this.#wake();
      });
  }

  /** Waits for the request head and returns it. */
  async request() {
    let end = -1;
    await this.#until(() => (end = this.#bytes.indexOf("\r\n\r\n")) >= 0);
    this.head = this.#bytes.subarray(0, end + 4).toString("latin1");
    this.#bytes = this.#bytes.subarray(end + 4);
    return this.head;
  }

  field(name) {
    return new RegExp(`^${name}: *(.*)\r$`, "im").exec(this.head)?.[1];
  }

  /** Waits for the request, and accepts it with additional header fields. */
  async accept(...fields) {
    if (this.head === "") await this.request();
    const accept = createHash("sha1")
      .update(`${this.field("Sec-WebSocket-Key")}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    const lines = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`, ...fields];
    this.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
  }

  /** Waits for the next frame of the client. Returns `undefined` after the end of the stream. */
  async frame() {
    let found;
    await this.#until(() => (found = takeFrame(this.#bytes)) !== undefined || this.#hasEnded);
    if (found !== undefined) this.#bytes = this.#bytes.subarray(found.end);
    return found;
  }

  /** Waits for the next frame with this opcode. Drops other frames. */
  async until(opcode) {
    for (;;) {
      const found = await this.frame();
      if (found === undefined || found.opcode === opcode) return found;
    }
  }

  /** Waits for the Close frame of the client. Returns its code and reason. */
  async untilClose() {
    const found = await this.until(opcodes.close);
    if (found === undefined) return undefined;
    const { payload } = found;
    return payload.length < 2
      ? { code: 1005, reason: "" }
      : { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }

  /** Waits for the end of the stream. */
  async untilEnd() {
    await this.#until(() => this.#hasEnded);
  }

  /** Number of received bytes that are not yet taken. */
  get waiting() {
    return this.#bytes.length;
  }

  write(...chunks) {
    for (const chunk of chunks) this.#socket.write(chunk);
  }

  /** Sends a Close frame and ends the stream. */
  close(code, reason) {
    this.write(close(code, reason));
    this.end();
  }

  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  end() {
    this.#socket.end();
  }

  reset() {
    // A TLS socket cannot be reset, and Bun has no such method.
    if (!this.#socket.encrypted && "resetAndDestroy" in this.#socket) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  destroy() {
    this.#socket.destroy();
  }

  async #until(condition) {
    while (!condition()) {
      if (this.#hasEnded) throw new Error("the client ended the stream");
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

/**
 * Starts a server. `script` runs for each connection, and gets the peer and the number of the connection, from 1.
 * An error of the script after the end of the client is ignored.
 */
export async function serve(script, { isSecure = false, ...options } = {}) {
  const peers = [];
  const errors = [];
  const accept = (socket) => {
    socket.on("error", () => {});
    const peer = new Peer(socket);
    peers.push(peer);
    Promise.resolve(script(peer, peers.length)).catch((error) => errors.push(error));
  };
  const server = isSecure
    ? tls.createServer({ ...certificate, ...options }, accept)
    : net.createServer({ allowHalfOpen: true, ...options }, accept);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    port,
    peers,
    errors,
    url: isSecure ? `wss://localhost:${port}/` : `ws://127.0.0.1:${port}/`,
    /** Ends all connections and the server. */
    async close() {
      for (const peer of peers) peer.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
