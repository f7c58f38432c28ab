// A proxy for tests that speaks HTTP CONNECT and SOCKS5, with or without credentials. It does not cache or log.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { TlsCertificate } from "./tls-certificate.js";

export interface ProxyServerOptions {
  readonly kind: "http" | "https" | "socks5";
  /** `user:password`; without it, everybody may use the proxy. */
  readonly credentials?: string;
  /** The certificate of an `https` proxy. */
  readonly certificate?: TlsCertificate;
  /** Returns the port to which a tunnel leads. Default: the port of the request. */
  readonly targetPort?: () => number;
}

/** Tunnels to 127.0.0.1, whatever the name of the target. */
export class ProxyServer {
  /** The targets of all requests, as `host:port`. */
  readonly targets: string[] = [];
  /** The heads of all requests of the kinds `http` and `https`. */
  readonly heads: string[] = [];
  readonly #server: Server;
  readonly #credentials: string | undefined;
  readonly #sockets: Set<Socket> = new Set();
  readonly #targetPort: (() => number) | undefined;
  readonly url: (user?: string) => string;

  constructor({ kind, credentials, certificate, targetPort }: ProxyServerOptions) {
    this.#targetPort = targetPort;
    this.#credentials = credentials;
    const serve = (socket: Socket): void => {
      this.#track(socket);
      if (kind === "socks5") this.#serveSocks(socket);
      else this.#serveHttp(socket);
    };
    this.#server = kind === "https" ? createTlsServer({ ...certificate }, serve) : createServer(serve);
    this.url = (user) => `${kind}://${user === undefined ? "" : `${user}@`}localhost:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
  }

  #join(socket: Socket, host: string, port: number, answer: Uint8Array | string): void {
    this.targets.push(`${host}:${port}`);
    const upstream = connect(this.#targetPort?.() ?? port, "127.0.0.1", () => {
      socket.write(answer);
      socket.pipe(upstream).pipe(socket);
    });
    this.#track(upstream);
    upstream.on("error", () => socket.destroy());
  }

  #serveHttp(socket: Socket): void {
    let head = "";
    socket.on("data", function onData(this: Socket, bytes: Buffer) {
      head += bytes.toString("latin1");
      if (head.endsWith("\r\n\r\n")) {
        socket.off("data", onData);
        answer();
      }
    });
    const answer = (): void => {
      this.heads.push(head);
      const [, host, port] = /^CONNECT \[?([^\]\s]+)\]?:(\d+) HTTP/.exec(head) ?? [];
      const [, token = ""] = /\r\nProxy-Authorization: Basic (\S+)\r\n/.exec(head) ?? [];
      const isAllowed =
        this.#credentials === undefined || Buffer.from(token, "base64").toString() === this.#credentials;
      if (!isAllowed) socket.end("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n");
      else this.#join(socket, host!, Number(port), "HTTP/1.1 200 Connected\r\n\r\n");
    };
  }

  #serveSocks(socket: Socket): void {
    const chosen = this.#credentials === undefined ? 0 : 2;
    let step = chosen === 0 ? 1 : 0;
    let isGreeted = false;
    socket.on("data", (bytes) => {
      if (!isGreeted) {
        isGreeted = true;
        const isOffered = bytes.subarray(2).includes(chosen);
        socket.write(Buffer.of(5, isOffered ? chosen : 0xff));
      } else if (step === 0) {
        step = 1;
        const user = bytes.toString("latin1", 2, 2 + bytes[1]!);
        const password = bytes.toString("latin1", 3 + bytes[1]!);
        socket.write(Buffer.of(1, `${user}:${password}` === this.#credentials ? 0 : 1));
      } else {
        socket.removeAllListeners("data");
        const size = { 1: 4, 3: 1 + bytes[4]!, 4: 16 }[bytes[3]!]!;
        const host =
          bytes[3] === 3
            ? bytes.toString("latin1", 5, 5 + bytes[4]!)
            : [...bytes.subarray(4, 4 + size)].join(".");
        const answer = Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0);
        this.#join(socket, host, bytes.readUInt16BE(4 + size), answer);
      }
    });
  }
}
