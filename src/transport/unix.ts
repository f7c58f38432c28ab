// Opens Unix sockets and named pipes, without TLS.
import { nodeNet } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import type { Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { unsetSocketOptions } from "./unset-options.js";

/** Opens a Unix socket or a named pipe. */
export function openUnix(path: string, target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  transport.begin("tcp");
  const socket = nodeNet().connect({
    ...unsetSocketOptions,
    path,
    onread: transport.readInto(target.readBuffer),
    allowHalfOpen: true,
  });
  transport.attach(socket);
  socket.once("connect", () => transport.open());
  return transport;
}
