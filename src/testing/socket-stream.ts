/**
 * Connects a scripted server to TCP sockets on 127.0.0.1. It does not support TLS.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { nodeRuntimeWithoutSockets } from "../runtime/node-runtime.js";
import type { ByteStream, ByteStreamHandler } from "./byte-stream.js";

/** The server's end of a TCP connection. */
class SocketStream implements ByteStream {
  handler!: ByteStreamHandler;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.handler.onData(bytes));
    socket.on("end", () => this.handler.onEnd());
    // The event `close` follows, and the script does not need the error.
    socket.on("error", () => undefined);
    socket.on("close", () => this.handler.onClose());
  }

  /**
   * Waits for a full turn of the event loop after each write. A client in the same process has then read the bytes, and
   * a client in another process has probably read them. Therefore writes are not merged, and a reset does not discard
   * written bytes.
   */
  write(bytes: Buffer, onSent: () => void): void {
    const { afterTurn } = nodeRuntimeWithoutSockets;
    this.#socket.write(bytes, (error) => {
      if (!error) afterTurn(() => afterTurn(onSent));
    });
  }

  end(): void {
    this.#socket.end();
  }

  /**
   * Sends a reset without a FIN. `resetAndDestroy()` would send a FIN first, and a client could read the FIN before the
   * reset.
   */
  reset(): void {
    Object.assign(this.#socket, { resetAndClosing: true }).destroy();
  }

  stopReading(): void {
    this.#socket.pause();
  }

  goOnReading(): void {
    this.#socket.resume();
  }

  wait(ms: number, callback: () => void): () => void {
    const timer = nodeRuntimeWithoutSockets.setTimer(ms, callback);
    return () => timer.clear();
  }
}

/** A port of 127.0.0.1 that can be closed and reopened. */
export class Listener {
  readonly #server: Server;
  #port = 0;

  constructor(onStream: (stream: ByteStream) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => onStream(new SocketStream(socket)));
  }

  get port(): number {
    return this.#port;
  }

  /** Listens on a free port the first time, and on the same port afterwards. */
  async open(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Closes the port. Open connections stay open. */
  shut(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Resolves when the port and all connections are closed. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
