// Opens TCP and TLS connections through a proxy. It does not choose the proxy.
import type { ProxyTarget, Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { ProxyTunnel } from "./proxy-tunnel.js";
import { SocketTransport } from "./socket-transport.js";
import { applySocketOptions } from "./tcp.js";
import { startTls, tryTls } from "./tls.js";

/** Opens a tunnel to the target, and TLS inside it if the target requires it. */
export function openProxied(
  target: TransportTarget,
  proxy: ProxyTarget,
  handler: TransportHandler,
): Transport {
  const transport = new SocketTransport(handler);
  transport.begin("proxy");
  const tunnel = tryTls(
    proxy.tls,
    "proxy.tls",
    transport,
    () =>
      new ProxyTunnel(target, proxy, {
        onOpen: (socket) => {
          applySocketOptions(socket, target);
          if (target.isSecure) {
            startTls(target, transport, socket);
          } else {
            transport.attach(socket);
            transport.open();
          }
        },
        onFailed: (error) => transport.fail(error),
      }),
  );
  if (tunnel !== undefined) transport.wait(tunnel);
  return transport;
}
