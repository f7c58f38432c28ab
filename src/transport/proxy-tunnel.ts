// Opens TCP and TLS connections through a proxy: dials the proxy, and performs its handshake. It does not choose the
// proxy.
import type { Socket } from "node:net";
import { HttpTunnel, ProxyError, Socks5Tunnel } from "../../protocol/index.js";
import type { ProxyTarget, Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { AddressRace } from "./address-race.js";
import { SocketTransport, type StreamOpener } from "./socket-transport.js";
import { applySocketOptions, connectTcp } from "./tcp.js";
import { startTls, tlsConnector, tryTls } from "./tls.js";
import { tlsWatchOf } from "./tls-watch.js";

/** Opens a tunnel to the target, and TLS inside it if the target requires it. */
export function openProxied(
  target: TransportTarget,
  proxy: ProxyTarget,
  handler: TransportHandler,
): Transport {
  const transport = new SocketTransport(handler);
  transport.begin("proxy");
  const { kind, host, port, display } = proxy.uri;
  const toProxy = { ...target, host, port, tls: proxy.tls };
  const connect =
    kind === "https"
      ? tryTls(proxy.tls, "proxy.tls", transport, () => tlsConnector(toProxy))
      : (address: string): Socket => connectTcp(toProxy, address);
  if (connect === undefined) return transport;
  const race = new AddressRace(
    { ...toProxy, connect },
    {
      onLookup: () => undefined,
      onConnected: (socket) => transport.wait(openTunnel(socket, target, proxy, transport)),
      onFailed: (error) =>
        transport.fail(failure("UNREACHABLE", `The proxy ${display} could not be reached`, error)),
    },
  );
  transport.wait(race);
  return transport;
}

/** @param socket - Connected to the proxy. */
function openTunnel(
  socket: Socket,
  target: TransportTarget,
  { uri, headers }: ProxyTarget,
  transport: SocketTransport,
): StreamOpener {
  const handshake =
    uri.kind === "socks5" ? new Socks5Tunnel(target, uri) : new HttpTunnel(target, uri, headers);
  let isInTls = uri.kind === "https";

  const begin = (): void => {
    isInTls = false;
    socket.write(handshake.request);
  };
  const onData = (bytes: Buffer): void => {
    const step = handshake.receive(bytes);
    if (step?.kind === "write") socket.write(step.bytes);
    else if (step?.kind === "rejected") fail(step.error);
    else if (step !== undefined) useTunnel(release(), target, transport);
  };
  const onClosed = (cause?: Error): void =>
    fail(
      failure("CLOSED", `The proxy ${uri.display} closed the connection before it opened a tunnel`, cause),
    );
  const onEnd = (): void => onClosed();
  const onError = (error: Error & { readonly code?: unknown }): void => {
    const cause = tlsWatchOf(socket)?.explain(error) ?? error;
    // RFC 8446 4.4.2.4: with TLS 1.3, a server may reject the client certificate after the handshake.
    const isTls = isInTls || /^(ERR_SSL|TLS)_/.test(String((cause as typeof error).code));
    if (isTls) fail(failure("TLS", `TLS to the proxy ${uri.display} failed`, cause));
    else onClosed(cause);
  };
  const listeners = { secureConnect: begin, data: onData, end: onEnd, close: onEnd, error: onError };

  const release = (): Socket => {
    for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
    return socket.pause();
  };
  // The listener is for errors that a destroyed socket still emits.
  const stop = (): unknown =>
    release()
      .on("error", () => undefined)
      .destroy();
  const fail = (error: ProxyError): void => {
    tlsWatchOf(socket)?.onClose();
    stop();
    transport.fail(error);
  };

  for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
  if (!isInTls) begin();
  return { stop, ref: () => socket.ref(), unref: () => socket.unref() };
}

/** @param socket - Leads to the target. It is paused and has no listeners. */
function useTunnel(socket: Socket, target: TransportTarget, transport: SocketTransport): void {
  applySocketOptions(socket, target);
  if (target.isSecure) {
    startTls(target, transport, socket);
  } else {
    transport.attach(socket);
    transport.open();
  }
}

function failure(code: string, what: string, cause?: Error): ProxyError {
  // OpenSSL reports "wrong version number" if the received bytes are not TLS.
  const isPlain = cause !== undefined && /wrong version number/.test(cause.message);
  const reason = isPlain ? "it does not use TLS" : (cause?.message ?? "it ended the stream");
  return new ProxyError(`${what}: ${reason}`, { code: `PROXY_${code}`, cause });
}
