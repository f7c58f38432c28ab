// Opens TCP connections, Unix sockets and named pipes without TLS. It does not decode what arrives.
import type { OnReadOpts, Socket, TcpNetConnectOpts } from "node:net";
import { nodeNet } from "../runtime/node-modules.js";
import { AddressRace } from "./address-race.js";
import { SocketTransport } from "./socket-transport.js";
import { tlsWatchOf } from "./tls-watch.js";
import type { Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { unsetInherited } from "./unset-options.js";

/**
 * Opens a TCP connection to the first address of the host that answers, or the Unix socket or named pipe at
 * `socketPath`.
 */
export function openTcp(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  const { socketPath: path } = target;
  if (path !== undefined) {
    transport.begin("tcp");
    const onread = transport.readInto(target.readBuffer);
    const socket = nodeNet().connect({ ...unsetInherited(), path, onread, allowHalfOpen: true });
    transport.attach(socket);
    socket.once("connect", () => transport.open());
    return transport;
  }
  const connect = (address: string): Socket =>
    connectTcp(target, address, transport.readInto(target.readBuffer));
  dial(target, transport, connect, () => transport.open());
  return transport;
}

/** Creates a socket that connects to an address of the target. */
export function connectTcp(
  { port, localAddress }: TransportTarget,
  address: string,
  onread?: OnReadOpts,
): Socket {
  const options = { host: address, port, localAddress, allowHalfOpen: true, onread };
  return nodeNet().connect({ ...unsetInherited(), ...options } as TcpNetConnectOpts);
}

/**
 * Dials the addresses of the target's host, and attaches the first socket that is connected.
 *
 * @param connect - Creates a socket that connects to an address.
 */
export function dial(
  target: TransportTarget,
  transport: SocketTransport,
  connect: (address: string) => Socket,
  onConnected: (socket: Socket) => void,
): void {
  transport.begin(nodeNet().isIP(target.host) === 0 ? "dns" : "tcp");
  const race = new AddressRace(
    { ...target, connect },
    {
      onLookup: () => transport.enter("tcp"),
      onConnected: (socket) => {
        transport.attach(socket, tlsWatchOf(socket));
        applySocketOptions(socket, target);
        onConnected(socket);
      },
      onFailed: (error) => transport.fail(error),
    },
  );
  transport.wait(race);
}

export function applySocketOptions(socket: Socket, { noDelay, keepAlive }: TransportTarget): void {
  socket.setNoDelay(noDelay);
  if (keepAlive !== false) socket.setKeepAlive(true, keepAlive);
}
