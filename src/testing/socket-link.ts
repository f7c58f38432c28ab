import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { nodeRuntimeWithoutSockets } from "../runtime/node-runtime.js";
import type { Link, LinkHandler } from "./link.js";

/** The server's end of a TCP connection. */
class SocketLink implements Link {
  handler!: LinkHandler;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.handler.onData(bytes));
    socket.on("end", () => this.handler.onEnd());
    // `close` follows, and says all that a script can use.
    socket.on("error", () => undefined);
    socket.on("close", () => this.handler.onClose());
  }

  /**
   * Waits for a whole turn of I/O behind each write: a client in this process has read it by then, and one elsewhere has
   * a chance to, so that writes are not joined and a reset does not overtake them.
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

  /** `resetAndDestroy()` would send a FIN first, and says so to a client that reads in time. */
  reset(): void {
    Object.assign(this.#socket, { resetAndClosing: true }).destroy();
  }

  stopReading(): void {
    this.#socket.pause();
  }

  continueReading(): void {
    this.#socket.resume();
  }

  wait(ms: number, callback: () => void): () => void {
    const timer = nodeRuntimeWithoutSockets.setTimer(ms, callback);
    return () => timer.clear();
  }
}

/** A port of 127.0.0.1 that can be closed and opened again. */
export class Listener {
  readonly #server: Server;
  #port = 0;

  constructor(onLink: (link: Link) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => onLink(new SocketLink(socket)));
  }

  get port(): number {
    return this.#port;
  }

  /** The first time on a free port, from then on always on that. */
  async open(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open stay. */
  shut(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** Resolves when the port and every connection are closed. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
