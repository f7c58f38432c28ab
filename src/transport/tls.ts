import type { TcpNetConnectOpts } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { nodeNet, nodeTls } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { dialOptions, firstPhase, followLookup, tune } from "./tcp.js";
import { toError } from "./transport-error.js";
import type { Transport, TransportHandler, TransportTarget } from "./transport.js";

/** What Node's `connect` takes, with what it hands on to the socket below. */
type TlsOptions = ConnectionOptions & Pick<TcpNetConnectOpts, "localAddress" | "onread">;

/** Opens TLS over TCP, or over a Unix socket, or over the stream that the user's `tls` option brings along. */
export function openTls(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  const hasStream = target.tls?.socket !== undefined;
  const isTcp = !hasStream && target.socketPath === undefined;
  if (hasStream) transport.begin("tls");
  else transport.begin(isTcp ? firstPhase(target) : "tcp");
  try {
    const options = tlsOptions(target);
    // Node cannot read into our buffer from a stream that is not its own.
    if (!hasStream) options.onread = transport.readInto(target.readBuffer);
    const socket = connectWith(options, transport);
    // Of a stream that was brought along Node takes that stream's own setting, whatever the options say.
    socket.allowHalfOpen = true;
    transport.attach(socket);
    if (isTcp) followLookup(socket, target, transport);
    socket.once("connect", () => {
      if (isTcp) tune(socket, target);
      if (!hasStream) transport.enter("tls");
    });
    socket.once("secureConnect", () => transport.open());
  } catch (error) {
    transport.fail(toError(error, "connect"));
  }
  return transport;
}

/** What Node throws here is about the user's `tls`, whose step has not come yet. */
function connectWith(options: TlsOptions, transport: SocketTransport): TLSSocket {
  try {
    return nodeTls().connect(options);
  } catch (error) {
    transport.begin("tls");
    throw error;
  }
}

function tlsOptions(target: TransportTarget): TlsOptions {
  const { tls, host, socketPath } = target;
  return {
    ...tls,
    ...dialOptions(target),
    path: socketPath,
    // As browsers do for wss: a server that speaks HTTP/2 too is told not to.
    ALPNProtocols: tls?.ALPNProtocols ?? ["http/1.1"],
    // RFC 6066 3: the name is sent without its trailing dot, and never an address.
    servername: tls?.servername ?? (nodeNet().isIP(host) === 0 ? host.replace(/\.$/, "") : undefined),
    // Not even the environment turns the check off, only the user's own option.
    rejectUnauthorized: tls?.rejectUnauthorized ?? true,
  };
}
