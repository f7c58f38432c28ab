import { connect, isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from "node:net";
import { inspect } from "node:util";
import { SocketTransport } from "./socket-transport.js";
import { toError } from "./transport-error.js";
import type { Transport, TransportHandler, TransportPhase, TransportTarget } from "./transport.js";

/** Opens a TCP connection; a name with several addresses is dialled as Node does, with IPv6 and IPv4 in turn. */
export function openTcp(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  transport.begin(firstPhase(target));
  try {
    const socket = connect({
      ...dialOptions(target),
      onread: transport.readInto(target.readBuffer),
      allowHalfOpen: true,
    });
    transport.attach(socket);
    followLookup(socket, transport);
    socket.once("connect", () => {
      tune(socket, target);
      transport.open();
    });
  } catch (error) {
    transport.fail(toError(error, "connect"));
  }
  return transport;
}

/** The look-up of a name comes before the connection, an address needs none. */
export function firstPhase(target: TransportTarget): TransportPhase {
  return isIP(target.host) === 0 ? "dns" : "tcp";
}

/** @throws a TypeError for a local address that is none */
export function dialOptions({ host, port, lookup, localAddress }: TransportTarget): TcpNetConnectOpts {
  // Node throws for it too, but leaves the handle open that it has made by then.
  if (localAddress !== undefined && isIP(localAddress) === 0) {
    throw new TypeError(`localAddress must be an IP address, got ${inspect(localAddress)}`);
  }
  return { host, port, lookup: lookup && deferred(lookup), localAddress };
}

/** Node tells a name's addresses one by one. */
export function followLookup(socket: Socket, transport: SocketTransport): void {
  socket.once("lookup", (error: Error | null) => {
    if (error === null) transport.enter("tcp");
  });
}

export function tune(socket: Socket, { noDelay, keepAlive }: TransportTarget): void {
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
