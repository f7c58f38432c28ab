// Selects the kind of transport for a target. It does not open a stream itself.
import { openDuplex } from "./duplex.js";
import { openProxied } from "./proxy-tunnel.js";
import { openTcp } from "./tcp.js";
import { openTls } from "./tls.js";
import type { OpenTransport, Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";

/** Opens a TCP, TLS or Unix socket, or the stream of `createConnection`, as `target` requires. */
export const openTransport: OpenTransport = (
  target: TransportTarget,
  handler: TransportHandler,
): Transport => {
  if (target.createConnection !== undefined) return openDuplex(target.createConnection, target, handler);
  if (target.proxy !== undefined) return openProxied(target, target.proxy, handler);
  if (target.isSecure) return openTls(target, handler);
  return openTcp(target, handler);
};
