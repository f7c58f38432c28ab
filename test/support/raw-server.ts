// A TCP, TLS or Unix socket server for tests. It does not read or write on its own.
import { constants, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { createTlsCertificate, type TlsCertificate } from "./tls-certificate.js";

export interface RawServerOptions {
  readonly isSecure?: boolean;
  /** Listens on a Unix socket or a named pipe instead of a port. */
  readonly isLocal?: boolean;
  readonly certificate?: TlsCertificate;
  /** ALPN protocols to accept, in the order of preference. */
  readonly protocols?: readonly string[];
  /** Requires a client certificate that is issued by this authority. */
  readonly clientCa?: string;
  /** Keeps the sessions of TLS 1.2 itself, by their ids, and issues no tickets (RFC 5246 7.4.1.2). */
  readonly hasSessionIds?: boolean;
  /** Further options of `tls.createServer`. */
  readonly tls?: TlsOptions;
}

/** A server without a protocol: a test takes its sockets one by one and controls the peer. */
export class RawServer {
  readonly server: Server;
  readonly certificate: TlsCertificate;
  /** The path of the Unix socket or named pipe; `undefined` for a port. */
  readonly path: string | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: Socket[] = [];
  #onSocket: ((socket: Socket) => void) | undefined;
  #onNoSocket: ((error: Error) => void) | undefined;
  #script: ((socket: Socket) => void) | undefined;

  constructor(given: RawServerOptions) {
    const { isSecure = false, isLocal = false, certificate, protocols, clientCa } = given;
    this.certificate = certificate ?? (isSecure ? createTlsCertificate() : { key: "", cert: "" });
    this.path = isLocal ? localPath() : undefined;
    const options = { allowHalfOpen: true };
    this.server = isSecure
      ? createTlsServer(
          {
            ...options,
            ...this.certificate,
            ALPNProtocols: protocols && [...protocols],
            ...(clientCa === undefined ? {} : { requestCert: true, ca: clientCa }),
            ...(given.hasSessionIds === true ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
            ...given.tls,
          },
          (socket) => this.#give(socket),
        )
      : createTcpServer(options, (socket) => this.#give(socket));
    if (given.hasSessionIds === true) keepSessions(this.server);
    this.server.on("connection", (socket: Socket) => this.#keep(socket));
  }

  get port(): number {
    return this.path === undefined ? (this.server.address() as AddressInfo).port : 0;
  }

  async listen(): Promise<this> {
    if (this.path === undefined) this.server.listen(0, "127.0.0.1");
    else this.server.listen(this.path);
    await once(this.server, "listening");
    return this;
  }

  /** Returns the next accepted socket; rejects when the server is closed first. */
  async socket(): Promise<Socket> {
    const socket = this.#waiting.shift();
    if (socket !== undefined) return socket;
    return new Promise((resolve, reject) => {
      this.#onSocket = resolve;
      this.#onNoSocket = reject;
    });
  }

  /** Passes every later socket to `script`. */
  play(script: (socket: Socket) => void): void {
    this.#script = script;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#onNoSocket?.(new Error("The server was closed."));
    this.server.close();
    if (this.server.listening) await once(this.server, "close");
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #give(socket: Socket): void {
    this.#keep(socket);
    const onSocket = this.#onSocket ?? this.#script;
    this.#onSocket = undefined;
    if (onSocket === undefined) this.#waiting.push(socket);
    else onSocket(socket);
  }
}

function keepSessions(server: Server): void {
  const sessions = new Map<string, Buffer>();
  server.on("newSession", (id: Buffer, data: Buffer, done: () => void) => {
    sessions.set(id.toString("hex"), data);
    done();
  });
  server.on("resumeSession", (id: Buffer, done: (error: null, data: Buffer | null) => void) => {
    done(null, sessions.get(id.toString("hex")) ?? null);
  });
}

function localPath(): string {
  const name = `jetsocket-${randomUUID()}`;
  return process.platform === "win32" ? `\\\\?\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

/** Reads a socket to its end. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
