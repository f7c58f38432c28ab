// Opens a tunnel through a proxy: dials the proxy and performs its handshake. It does not start TLS to the target.
import type { Socket } from "node:net";
import { HttpTunnel, ProxyError, Socks5Tunnel, type TunnelHandshake } from "../../protocol/index.js";
import type { AddressAttempt, ProxyTarget, TransportTarget } from "../runtime/transport.js";
import { AddressRace } from "./address-race.js";
import type { StreamOpener } from "./socket-transport.js";
import { connectTcp } from "./tcp.js";
import { tlsConnector } from "./tls.js";
import { tlsWatchOf } from "./tls-watch.js";
import { withMessage } from "./transport-error.js";

export interface ProxyTunnelHandler {
  /** `socket` leads to the target. It is paused and has no listeners. */
  onOpen(socket: Socket): void;
  onFailed(error: ProxyError): void;
}

/** One attempt to open a tunnel. */
export class ProxyTunnel implements StreamOpener {
  readonly #target: TransportTarget;
  readonly #proxy: ProxyTarget;
  readonly #handler: ProxyTunnelHandler;
  readonly #race: AddressRace;
  /** The connection to the proxy. */
  #socket: Socket | undefined;
  #handshake: TunnelHandshake | undefined;
  /** True during the TLS handshake with the proxy. */
  #isInTls = false;
  #isReferenced = true;

  /** @throws if Node cannot use the TLS options of the proxy. */
  constructor(target: TransportTarget, proxy: ProxyTarget, handler: ProxyTunnelHandler) {
    this.#target = target;
    this.#proxy = proxy;
    this.#handler = handler;
    const { kind, host, port } = proxy.uri;
    const toProxy = { ...target, host, port, tls: proxy.tls };
    const connect =
      kind === "https" ? tlsConnector(toProxy) : (address: string): Socket => connectTcp(toProxy, address);
    this.#race = new AddressRace(
      { ...toProxy, connect },
      {
        onLookup: () => undefined,
        onConnected: (socket) => this.#onConnected(socket),
        onFailed: (error) => this.#onBroken(error),
      },
    );
  }

  get attempts(): readonly AddressAttempt[] {
    return this.#race.attempts;
  }

  #onConnected(socket: Socket): void {
    const { uri, headers } = this.#proxy;
    this.#socket = socket;
    if (!this.#isReferenced) socket.unref();
    const handshake =
      uri.kind === "socks5"
        ? new Socks5Tunnel(this.#target, uri)
        : new HttpTunnel(this.#target, uri, headers);
    this.#handshake = handshake;
    socket
      .on("data", this.#onData)
      .on("end", this.#onEnd)
      .on("close", this.#onEnd)
      .on("error", this.#onBroken);
    this.#isInTls = uri.kind === "https";
    if (!this.#isInTls) socket.write(handshake.request);
    else
      socket.once("secureConnect", () => {
        this.#isInTls = false;
        socket.write(handshake.request);
      });
  }

  readonly #onData = (bytes: Buffer): void => {
    const step = this.#handshake!.receive(bytes);
    if (step?.kind === "write") this.#socket!.write(step.bytes);
    else if (step?.kind === "rejected") this.#fail(step.error);
    else if (step !== undefined) this.#handler.onOpen(this.#release());
  };

  readonly #onEnd = (): void => {
    const message = `The proxy ${this.#proxy.uri.display} closed the connection before it opened a tunnel.`;
    this.#fail(new ProxyError(message, { code: "PROXY_CLOSED" }));
  };

  readonly #onBroken = (reason: Error): void => {
    const cause = tlsWatchOf(this.#socket ?? this)?.explain(reason) ?? withMessage(reason);
    const { display } = this.#proxy.uri;
    // RFC 8446 4.4.2.4: with TLS 1.3, a server may reject the client certificate after the handshake.
    if (!this.#isInTls && !/^(ERR_SSL|TLS)_/.test(String((cause as { code?: unknown }).code))) {
      const [what, code] =
        this.#socket === undefined
          ? ["could not be reached", "PROXY_UNREACHABLE"]
          : ["broke the connection before it opened a tunnel", "PROXY_CLOSED"];
      this.#fail(new ProxyError(`The proxy ${display} ${what}: ${cause.message}`, { code, cause }));
      return;
    }
    // OpenSSL reports "wrong version number" if the received bytes are not TLS.
    const isPlain = /wrong version number/.test(cause.message);
    const what = isPlain ? "it does not use TLS. Set a url with http:, or another port" : cause.message;
    this.#fail(new ProxyError(`TLS to the proxy ${display} failed: ${what}`, { code: "PROXY_TLS", cause }));
  };

  #fail(error: ProxyError): void {
    tlsWatchOf(this.#socket ?? this)?.onClose();
    this.stop();
    this.#handler.onFailed(error);
  }

  #release(): Socket {
    const socket = this.#socket!;
    this.#socket = undefined;
    socket
      .off("data", this.#onData)
      .off("end", this.#onEnd)
      .off("close", this.#onEnd)
      .off("error", this.#onBroken);
    return socket.pause();
  }

  stop(): void {
    this.#race.stop();
    // The listener is for errors that a destroyed socket still emits.
    if (this.#socket !== undefined)
      this.#release()
        .on("error", () => undefined)
        .destroy();
  }

  ref(): void {
    this.#isReferenced = true;
    this.#race.ref();
    this.#socket?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#race.unref();
    this.#socket?.unref();
  }
}
