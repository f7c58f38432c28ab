/** A TCP relay between client and server that forwards bytes and cuts connections at a given byte. */
import { createServer, connect } from "node:net";

/** Milliseconds between the last forwarded bytes and a reset, so that the other side can read them. */
const readMs = 3;

/**
 * @typedef {object} Cut
 * @property {"up" | "down"} direction
 * @property {number} after - Bytes of that direction that are still forwarded.
 * @property {"reset" | "swallow" | "stuck"} how - `swallow` and `stuck` are silent; `swallow` continues reading.
 */

/** One relayed connection. */
class Link {
  isOver = false;
  /** True after a cut. */
  isCut = false;
  #client;
  #server;
  /** @type {Cut | undefined} */
  #cut;
  #onCut;

  /**
   * @param {import("node:net").Socket} client
   * @param {number} port
   * @param {() => void} onCut
   */
  constructor(client, port, onCut) {
    this.#client = client;
    this.#onCut = onCut;
    this.#server = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#pass("up", client, this.#server);
    this.#pass("down", this.#server, client);
  }

  /** @param {Cut} cut */
  cut(cut) {
    this.#cut = { ...cut };
  }

  destroy() {
    this.isOver = true;
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  /**
   * @param {"up" | "down"} direction
   * @param {import("node:net").Socket} from
   * @param {import("node:net").Socket} to
   */
  #pass(direction, from, to) {
    from.on("data", (chunk) => this.#onData(direction, chunk, from, to));
    to.on("drain", () => {
      if (!this.isCut) from.resume();
    });
    from.on("end", () => {
      if (!this.isCut) to.end();
    });
    from.on("error", () => {});
    // A reset of one side resets the other side too.
    from.on("close", () => this.destroy());
  }

  #onData(direction, chunk, from, to) {
    if (this.isCut) return;
    const cut = this.#cut;
    let passed = chunk;
    if (cut?.direction === direction) {
      passed = chunk.subarray(0, cut.after);
      cut.after -= passed.length;
      if (cut.after === 0) {
        this.#carryOut(cut, to, passed);
        return;
      }
    }
    if (!to.write(passed)) from.pause();
  }

  #carryOut(cut, to, last) {
    this.isCut = true;
    to.write(last);
    this.#onCut();
    if (cut.how === "reset") setTimeout(() => this.destroy(), readMs);
    else if (cut.how === "stuck") {
      this.#client.pause();
      this.#server.pause();
    } else {
      this.#client.resume();
      this.#server.resume();
    }
  }
}

export class Wire {
  /** The newest connection. @type {Link | undefined} */
  link;
  /** The cut of the next connection. @type {Cut | undefined} */
  nextCut;
  /** The port of the real server. */
  serverPort = 0;
  /** Ports of the listeners, by their behavior. @type {Record<"good" | "tls" | "503" | "refused", number>} */
  ports = { good: 0, tls: 0, 503: 0, refused: 0 };
  /** Value of Retry-After in the next 503, in seconds. */
  retryAfter = 0;
  /** Number of aborted TLS handshakes; selects the next variant. */
  #abortCount = 0;
  #onCut;
  #links = new Set();
  #servers = [];

  /** @param {() => void} onCut */
  constructor(onCut) {
    this.#onCut = onCut;
  }

  async listen() {
    this.ports.good = await this.#listen((socket) => this.#accept(socket));
    this.ports.tls = await this.#listen((socket) => this.#abortTls(socket));
    this.ports[503] = await this.#listen((socket) => this.#refuse(socket));
    this.ports.refused = await this.#listen(() => {});
    await new Promise((resolve) => this.#servers.pop().close(resolve));
  }

  /** Resets all connections and closes all listeners. */
  close() {
    for (const link of this.#links) link.destroy();
    for (const server of this.#servers) server.close();
  }

  /** @param {(socket: import("node:net").Socket) => void} onSocket */
  #listen(onSocket) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on("error", () => {});
      onSocket(socket);
    });
    this.#servers.push(server);
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve(/** @type {any} */ (server.address()).port));
    });
  }

  #accept(socket) {
    const link = new Link(socket, this.serverPort, this.#onCut);
    if (this.nextCut !== undefined) link.cut(this.nextCut);
    this.nextCut = undefined;
    this.link = link;
    this.#links.add(link);
    socket.on("close", () => this.#links.delete(link));
  }

  /** Aborts a TLS handshake after the first bytes: without an answer, with an HTTP answer, or with half a record. */
  #abortTls(socket) {
    const kind = this.#abortCount++ % 4;
    socket.once("data", () => {
      if (kind === 1) socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
      if (kind >= 2) socket.write(Buffer.from("160303005a0200005603", "hex"));
      if (kind === 3) socket.end();
      else setTimeout(() => socket.resetAndDestroy(), kind === 0 ? 0 : readMs);
    });
    socket.on("end", () => socket.end());
  }

  #refuse(socket) {
    socket.once("data", () => {
      socket.end(
        `HTTP/1.1 503 Service Unavailable\r\nRetry-After: ${this.retryAfter}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
    });
    socket.on("end", () => socket.end());
  }
}
