// A server on a real socket that is slow, refuses, loses connections and answers late, at random. It counts its sockets.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { AddressInfo, Socket } from "node:net";
import { type WebSocket as Peer, WebSocketServer } from "ws";

export interface Faults {
  /** Shares of the events, from 0 to 1. */
  readonly refuse: number;
  readonly slow: number;
  readonly reset: number;
  /** The server reads nothing for a while, also no Close frame. */
  readonly deaf: number;
}

export const noFaults: Faults = { refuse: 0, slow: 0, reset: 0, deaf: 0 };

export class HostileServer implements AsyncDisposable {
  /** The open sockets, and the largest number of sockets that were open at once. */
  open = 0;
  most = 0;
  accepted = 0;
  readonly #http: Server = createServer();
  readonly #sockets = new Set<Socket>();
  readonly #random: () => number;
  readonly #faults: Faults;

  constructor(random: () => number, faults: Faults = noFaults) {
    this.#random = random;
    this.#faults = faults;
    this.#http.on("connection", (socket) => this.#onSocket(socket));
    const peers = new WebSocketServer({ noServer: true });
    this.#http.on("upgrade", (request, socket, head) => {
      const accept = (): void => {
        if (socket.destroyed) return;
        if (this.#happens("refuse"))
          socket.end("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        else peers.handleUpgrade(request, socket, head, (peer) => this.#onPeer(peer, socket));
      };
      if (this.#happens("slow")) setTimeout(accept, this.#random() * 20);
      else accept();
    });
  }

  #happens(name: keyof Faults): boolean {
    return this.#random() < this.#faults[name];
  }

  #onSocket(socket: Socket): void {
    this.accepted++;
    this.open++;
    this.most = Math.max(this.most, this.open);
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.open--;
      this.#sockets.delete(socket);
    });
  }

  /** Answers each message with the same message, in order. The delays are random. */
  #onPeer(peer: Peer, socket: Duplex): void {
    peer.on("error", () => undefined);
    if (this.#happens("deaf")) {
      socket.pause();
      setTimeout(() => socket.resume(), 50 + this.#random() * 100);
    }
    let last = Promise.resolve();
    peer.on("message", (data) => {
      if (this.#happens("reset")) socket.destroy(new Error("reset"));
      const text = (data as Buffer).toString();
      last = last
        .then(() =>
          this.#happens("slow")
            ? new Promise<void>((resolve) => setTimeout(resolve, this.#random() * 10))
            : undefined,
        )
        .then(() => peer.send(text, () => undefined));
    });
  }

  async listen(): Promise<this> {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    return this;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  /** Resolves when all sockets are closed. */
  async whenEmpty(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => once(socket, "close")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#http.close();
    await once(this.#http, "close");
  }
}
