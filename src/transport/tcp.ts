import type { LookupFunction, Socket, TcpNetConnectOpts } from "node:net";
import { nodeNet, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { toError } from "./transport-error.js";
import type { Transport, TransportHandler, TransportPhase, TransportTarget } from "../runtime/transport.js";
import { unsetSocketOptions } from "./unset-options.js";

/** Opens a TCP connection; a name with several addresses is dialled as Node does, with IPv6 and IPv4 in turn. */
export function openTcp(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  transport.begin(firstPhase(target));
  try {
    const { host, port, lookup, localAddress } = dialOptions(target);
    const onread = transport.readInto(target.readBuffer);
    const options = { host, port, lookup, localAddress, onread, allowHalfOpen: true };
    const socket = nodeNet().connect({ ...unsetSocketOptions, ...options });
    transport.attach(socket);
    reportTcpAfterLookup(socket, target, transport);
    socket.once("connect", () => {
      applySocketOptions(socket, target);
      transport.open();
    });
  } catch (error) {
    transport.fail(toError(error, "connect"));
  }
  return transport;
}

/** The look-up of a name comes before the connection, an address needs none. */
export function firstPhase(target: TransportTarget): TransportPhase {
  return nodeNet().isIP(target.host) === 0 ? "dns" : "tcp";
}

/** @throws a TypeError for a local address that is none */
export function dialOptions({ host, port, lookup, localAddress }: TransportTarget): TcpNetConnectOpts {
  // Node throws for it too, but leaves the handle open that it has made by then.
  if (localAddress !== undefined && nodeNet().isIP(localAddress) === 0) {
    throw new TypeError(`localAddress must be an IP address, got ${nodeUtil().inspect(localAddress)}`);
  }
  return { host, port, lookup: lookup && deferred(lookup), localAddress };
}

/** Node tells a name's addresses one by one. For an address it tells nothing, and a listener would stay. */
export function reportTcpAfterLookup(socket: Socket, { host }: TransportTarget, transport: SocketTransport): void {
  if (nodeNet().isIP(host) !== 0) return;
  socket.once("lookup", (error: Error | null) => {
    if (error === null) transport.enter("tcp");
  });
}

export function applySocketOptions(socket: Socket, { noDelay, keepAlive }: TransportTarget): void {
  socket.setNoDelay(noDelay);
  if (keepAlive !== false) socket.setKeepAlive(true, keepAlive);
}

/** Node calls `lookup` from inside `connect`, before anybody listens to what comes of it. */
function deferred(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    process.nextTick(() => {
      try {
        lookup(hostname, options, callback);
      } catch (error) {
        callback(toError(error, "lookup"), "");
      }
    });
  };
}
