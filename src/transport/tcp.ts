// Opens TCP connections, Unix sockets and named pipes without TLS. It does not implement Happy Eyeballs: Node does.
import type { LookupFunction, Socket, TcpNetConnectOpts } from "node:net";
import { nodeNet, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { toError } from "../runtime/to-error.js";
import type { Transport, TransportHandler, TransportPhase, TransportTarget } from "../runtime/transport.js";
import { unsetSocketOptions } from "./unset-options.js";

/**
 * Opens a TCP connection, or the Unix socket or named pipe at `socketPath`. If a name has several addresses, Node tries
 * IPv6 and IPv4 alternately.
 */
export function openTcp(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  transport.begin(initialPhase(target));
  try {
    const socket = nodeNet().connect({
      ...unsetSocketOptions,
      ...dialOptions(target),
      onread: transport.readInto(target.readBuffer),
      allowHalfOpen: true,
    });
    transport.attach(socket);
    prepareTcp(socket, target, transport);
    socket.once("connect", () => transport.open());
  } catch (error) {
    transport.fail(toError(error, "connect"));
  }
  return transport;
}

/** Returns "dns" if a name must be looked up, otherwise "tcp". */
export function initialPhase({ host, socketPath }: TransportTarget): TransportPhase {
  return socketPath === undefined && nodeNet().isIP(host) === 0 ? "dns" : "tcp";
}

/** @throws TypeError if `localAddress` is not an IP address. */
export function dialOptions(target: TransportTarget): TcpNetConnectOpts & { path: string | undefined } {
  const { host, port, lookup, localAddress, socketPath: path } = target;
  // Node also throws for an invalid `localAddress`, but leaks the handle that it has created.
  if (localAddress !== undefined && nodeNet().isIP(localAddress) === 0) {
    throw new TypeError(`localAddress must be an IP address, got ${nodeUtil().inspect(localAddress)}`);
  }
  return { host, port, path, lookup: lookup && deferred(lookup), localAddress };
}

/**
 * Reports the phase "tcp" after the DNS lookup, and sets the TCP options of the socket when it is connected. Does
 * nothing for a Unix socket.
 */
export function prepareTcp(socket: Socket, target: TransportTarget, transport: SocketTransport): void {
  const { socketPath, noDelay, keepAlive } = target;
  if (socketPath !== undefined) return;
  // If the host is an IP address, Node emits no "lookup" event, so a listener for this event would never be removed.
  if (initialPhase(target) === "dns") {
    socket.once("lookup", (error: Error | null) => {
      if (error === null) transport.enter("tcp");
    });
  }
  socket.once("connect", () => {
    socket.setNoDelay(noDelay);
    if (keepAlive !== false) socket.setKeepAlive(true, keepAlive);
  });
}

/**
 * Node calls `lookup` synchronously in `connect`, before our listeners are attached. This wrapper calls `lookup` in the
 * next tick.
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
