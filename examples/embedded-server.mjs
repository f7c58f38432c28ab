// A WebSocket server for the examples, on the server role of `jetsocket/protocol` over `node:net`.
// It has no TLS, no deadlines and no limit on the number of clients. Do not use it in an open network.
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { deflateAcceptor, ProtocolConnection, Resources, ServerHandshake } from "jetsocket/protocol";

/** @typedef {import("jetsocket/protocol").AgreedExtension} AgreedExtension */
/** @typedef {readonly (readonly [name: string, value: string])[]} Fields */
/** @typedef {{ readonly resource: string, readonly headers: Fields }} Request */
/** @typedef {{ readonly statusCode: number, readonly headers?: Fields, readonly body?: string }} Refusal */

/**
 * @typedef {object} ServerOptions
 * @property {(peer: Peer, request: Request) => void} onConnection - Sets the peer's handlers, before any message.
 * @property {(request: Request) => Refusal | undefined} [refuse] - Returns the response for a request that is refused.
 * @property {number} [port] - Default: a free port.
 */

const resources = new Resources({ fillRandom: randomFillSync });
const acceptors = [deflateAcceptor({})];

/** The connection of one client. `onConnection` sets its handlers. */
export class Peer {
  /** @type {(data: string | Buffer) => void} */
  onMessage = () => {};
  /** Called when everything was written to the socket. */
  onDrain = () => {};
  /** Called when the socket is closed. */
  onGone = () => {};
  #socket;
  #connection;
  #isCut = false;

  /**
   * @param {import("node:net").Socket} socket
   * @param {AgreedExtension | undefined} extension
   */
  constructor(socket, extension) {
    this.#socket = socket;
    this.#connection = new ProtocolConnection({
      role: "server",
      resources,
      extension,
      // Similar messages share a window, so compression helps even if they are short.
      compressionThreshold: 0,
      handler: {
        onMessage: (data) => this.onMessage(data),
        onPing: () => {},
        onPong: () => {},
        onClose: () => {},
        onFailure: (error) => console.error(error.message),
        onEnd: () => this.#socket.end(),
      },
    });
    socket.on("close", () => {
      this.#connection.abandon();
      this.onGone();
    });
  }

  /** Number of bytes that are not written yet. */
  get bufferedSize() {
    return this.#connection.bufferedSize;
  }

  /** @param {Buffer} bytes */
  receive(bytes, start = 0) {
    this.#connection.receive(bytes, start);
    this.#write();
    // If this side sent its Close frame first, nothing is left to write.
    this.#endIfOver();
  }

  receiveEnd() {
    this.#connection.receiveEnd();
  }

  /** @param {string | Uint8Array} data - A string is sent as text, bytes as binary. Ignored after a Close. */
  send(data) {
    if (this.#connection.state !== "open") return;
    if (typeof data === "string") this.#connection.text(data);
    else this.#connection.binary(data);
    this.#write();
  }

  /** @param {number} code */
  close(code, reason = "") {
    this.#connection.close(code, reason);
    this.#write();
  }

  /** Closes the socket after everything was written, without a Close frame. */
  drop() {
    this.#socket.destroySoon();
  }

  /** Resets the connection at once, as a crashed machine or a network device does. */
  reset() {
    this.#isCut = true;
    this.#socket.resetAndDestroy();
  }

  /** Stops reading and writing and leaves the socket open: only a heartbeat detects this. */
  freeze() {
    this.#isCut = true;
    this.#socket.pause();
  }

  #write() {
    if (this.#isCut) return;
    // `take` returns nothing more until `written` is called, so there is only one write at a time.
    const bytes = this.#connection.take();
    if (bytes !== undefined) this.#socket.write(bytes, this.#onWritten);
  }

  /** @param {Error | null} [error] */
  #onWritten = (error) => {
    if (error) return;
    this.#connection.written();
    this.#write();
    if (this.#connection.bufferedSize === 0 && !this.#endIfOver()) this.onDrain();
  };

  /** RFC 6455 7.1.1: after both Close frames, the server ends the stream first. */
  #endIfOver() {
    const { state, bufferedSize } = this.#connection;
    const isOver = (state === "closed" || state === "failed") && bufferedSize === 0;
    if (isOver) this.#socket.end();
    return isOver;
  }
}

/**
 * @param {import("node:net").Socket} socket
 * @param {ServerOptions} options
 */
function welcome(socket, { onConnection, refuse }) {
  const handshake = new ServerHandshake();
  /** @type {Peer | undefined} */
  let peer;
  /** @param {Buffer} bytes */
  const onData = (bytes) => {
    if (peer !== undefined) return peer.receive(bytes);
    const result = handshake.receive(bytes);
    if (result === undefined) return;
    if (result.kind === "rejected") return turnAway(result.response);
    const refusal = refuse?.(result.request);
    if (refusal !== undefined) return turnAway(handshake.reject(refusal.statusCode, refusal));
    const { response, extension } = handshake.accept({ acceptors });
    socket.write(response);
    peer = new Peer(socket, extension);
    onConnection(peer, result.request);
    peer.receive(bytes, result.consumed);
  };
  /** @param {Buffer} response */
  const turnAway = (response) => socket.off("data", onData).resume().end(response);
  // A client that drops its socket is not an error of the server. "close" is emitted in any case.
  socket.on("error", () => {});
  socket.on("data", onData);
  socket.on("end", () => (peer === undefined ? socket.end() : peer.receiveEnd()));
}

/**
 * Listens on 127.0.0.1.
 * @param {ServerOptions} options
 */
export async function serve(options) {
  const sockets = new Set();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    welcome(socket, options);
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `ws://127.0.0.1:${port}`, close };
}
