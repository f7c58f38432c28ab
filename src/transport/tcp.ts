// Opens TCP connections. It does not implement Happy Eyeballs: Node does.
import type { LookupFunction, Socket, TcpNetConnectOpts } from "node:net";
import { nodeNet, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { toError } from "../runtime/to-error.js";
import type { Transport, TransportHandler, TransportPhase, TransportTarget } from "../runtime/transport.js";
import { unsetSocketOptions } from "./unset-options.js";

/** Opens a TCP connection. If a name has several addresses, Node tries IPv6 and IPv4 alternately. */
export function openTcp(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  transport.begin(initialPhase(target));
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

/** Returns "dns" if the host is a name, and "tcp" if it is an address, which needs no lookup. */
export function initialPhase(target: TransportTarget): TransportPhase {
  return nodeNet().isIP(target.host) === 0 ? "dns" : "tcp";
}

/** @throws TypeError if `localAddress` is not an IP address. */
export function dialOptions({ host, port, lookup, localAddress }: TransportTarget): TcpNetConnectOpts {
  // Node throws too, but leaks the handle that it has created by then.
  if (localAddress !== undefined && nodeNet().isIP(localAddress) === 0) {
    throw new TypeError(`localAddress must be an IP address, got ${nodeUtil().inspect(localAddress)}`);
  }
  return { host, port, lookup: lookup && deferred(lookup), localAddress };
}

/**
 * Reports the phase "tcp" after the DNS lookup. Node emits no "lookup" for an address, so the listener would stay
 * attached.
 */
export function reportTcpAfterLookup(
  socket: Socket,
  { host }: TransportTarget,
  transport: SocketTransport,
): void {
  if (nodeNet().isIP(host) !== 0) return;
  socket.once("lookup", (error: Error | null) => {
    if (error === null) transport.enter("tcp");
  });
}

export function applySocketOptions(socket: Socket, { noDelay, keepAlive }: TransportTarget): void {
  socket.setNoDelay(noDelay);
  if (keepAlive !== false) socket.setKeepAlive(true, keepAlive);
}

/**
 * Node calls `lookup` synchronously in `connect`, before our listeners are attached. This wrapper calls it in the next
 * tick.
 */
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
