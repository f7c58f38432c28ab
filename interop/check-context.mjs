// What a check uses: clients of the tested package and the reports of the server. It closes everything after the check.
import { WireMeter } from "./wire-meter.mjs";

let lastId = 0;

/**
 * Opens clients for one check. `cleanUp` ends everything that the check has opened.
 *
 * @typedef {object} OpenOptions
 * @property {Record<string, string | number>} [query] - Query parameters of the path.
 * @property {object} [client] - Additional client options.
 * @property {"port" | "plainPort" | "tlsPort"} [to] - The server's listener: with compression, without, or over TLS.
 * @property {string} [host]
 * @property {boolean} [isMetered] - True to connect through a relay that counts the bytes on the wire.
 */
export class CheckContext {
  #listening;
  #peer;
  #opened = [];

  constructor({ jetsocket, server, peer, listening, certificates }) {
    this.jetsocket = jetsocket;
    this.traits = server.traits;
    this.certificates = certificates;
    this.#peer = peer;
    this.#listening = listening;
  }

  /**
   * Creates a client without connecting it.
   *
   * @param {string} path
   * @param {OpenOptions} [options]
   */
  async client(path, { query = {}, client = {}, to = "port", host = "127.0.0.1", isMetered = false } = {}) {
    const id = String(++lastId);
    const meter = isMetered ? new WireMeter(this.#listening[to]) : undefined;
    if (meter !== undefined) this.#opened.push(() => meter.close());
    const port = meter === undefined ? this.#listening[to] : await meter.listen();
    const scheme = to === "tlsPort" ? "wss" : "ws";
    const url = `${scheme}://${host}:${port}${path}?${new URLSearchParams({ ...query, id })}`;
    const defaults = { reconnect: false, heartbeat: false, connectTimeout: 5_000 };
    const ws = new this.jetsocket.WebSocket(url, { ...defaults, ...client });
    this.#opened.push(() => ws.terminate());
    return {
      ws,
      meter,
      connected: eventOf(ws, "connected"),
      closed: eventOf(ws, "closed").then((event) => event.report),
      /** Resolves with the server's report of this event on this connection. */
      serverReport: (event) => this.#peer.report(event, id),
    };
  }

  /**
   * Creates a client and connects it.
   *
   * @param {string} path
   * @param {OpenOptions} [options]
   */
  async open(path, options) {
    const connection = await this.client(path, options);
    await connection.ws.connect();
    const { extensions, subprotocol } = await connection.connected;
    connection.meter?.reset();
    return { ...connection, extensions: String(extensions ?? ""), subprotocol };
  }

  /** Like {@link open}, but messages are not parsed as JSON. */
  openRaw(path, options = {}) {
    return this.open(path, { ...options, client: { deserializer: (data) => data, ...options.client } });
  }

  async cleanUp() {
    for (const close of this.#opened) await close();
  }
}

/** Resolves with the next event of this name. */
export function eventOf(ws, name) {
  return new Promise((resolve) => ws.once(name, resolve));
}
