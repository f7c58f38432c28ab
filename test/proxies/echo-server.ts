// A WebSocket server that sends back each message, over TCP or TLS. It is that of the package ws. It refuses the path
// `/refused` with 401.
import { once } from "node:events";
import { createServer as createHttp, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { createTlsCertificate, type TlsCertificate } from "../support/tls-certificate.js";

/** The certificate of all servers and proxies of these tests. It is for `localhost` and 127.0.0.1. */
export const certificate: TlsCertificate = createTlsCertificate({
  hosts: ["localhost", "127.0.0.1", "only-squid-knows.example"],
});

export type Scheme = "ws" | "wss";

export class EchoServer {
  readonly #http: Server;
  readonly #server: WebSocketServer;
  readonly scheme: Scheme;

  constructor(scheme: Scheme) {
    this.scheme = scheme;
    this.#http = scheme === "wss" ? createHttps({ ...certificate }) : createHttp();
    const verifyClient = ({ req }: { req: IncomingMessage }): boolean => req.url !== "/refused";
    this.#server = new WebSocketServer({ server: this.#http, verifyClient });
    this.#server.on("connection", (socket) => {
      socket.on("error", () => undefined);
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
  }

  async listen(): Promise<this> {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
    return this;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  url(host = "localhost"): string {
    return `${this.scheme}://${host}:${this.port}/`;
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, "close");
  }
}
