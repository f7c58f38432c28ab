import { ownOptions } from "../../protocol/index.js";
import type { TcpNetConnectOpts } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { nodeNet, nodeTls, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { dialOptions, firstPhase, reportTcpAfterLookup, applySocketOptions } from "./tcp.js";
import { checkTlsOptions, markTlsFault, refusedTlsOptions } from "./tls-fault.js";
import { toError } from "./transport-error.js";
import type { Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { unsetSocketOptions, unsetTlsOptions } from "./unset-options.js";

/** What Node's `connect` takes, with what it hands on to the socket below. */
type TlsOptions = ConnectionOptions & Pick<TcpNetConnectOpts, "localAddress" | "onread">;

/** Opens TLS over TCP, or over a Unix socket, or over the stream that the user's `tls` option brings along. */
export function openTls(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  const tls = ownOptions(target.tls ?? {});
  const hasStream = tls.socket !== undefined;
  const isTcp = !hasStream && target.socketPath === undefined;
  if (hasStream) transport.begin("tls");
  else transport.begin(isTcp ? firstPhase(target) : "tcp");
  try {
    const options = tlsOptions(target, tls);
    // Node cannot read into our buffer from a stream that is not its own.
    if (!hasStream) options.onread = transport.readInto(target.readBuffer);
    const socket = connectWith(options, tls, transport);
    // Of a stream that was brought along Node takes that stream's own setting, whatever the options say.
    socket.allowHalfOpen = true;
    transport.attach(socket);
    if (isTcp) reportTcpAfterLookup(socket, target, transport);
    socket.once("connect", () => {
      if (isTcp) applySocketOptions(socket, target);
      if (!hasStream) transport.enter("tls");
    });
    socket.once("secureConnect", () => transport.open());
  } catch (error) {
    transport.fail(toError(error, "connect"));
  }
  return transport;
}

/**
 * Node throws here where it cannot use the option `tls`: before a byte is sent, and again at each attempt. The phase is "tls",
 * which has not begun yet.
 */
function connectWith(options: TlsOptions, tls: ConnectionOptions, transport: SocketTransport): TLSSocket {
  try {
    checkTlsOptions(tls);
    return nodeTls().connect(options);
  } catch (thrown) {
    transport.begin("tls");
    const error = toError(thrown, "tls.connect");
    throw markTlsFault(error, { kind: "options", options: refusedTlsOptions(tls, error) });
  }
}

/** @param tls - The user's, own properties only. */
function tlsOptions(target: TransportTarget, tls: ConnectionOptions): TlsOptions {
  const { host, socketPath } = target;
  const { DEFAULT_CIPHERS, checkServerIdentity } = nodeTls();
  const { checkServerIdentity: check } = tls;
  return {
    ...unsetSocketOptions,
    ...unsetTlsOptions,
    // Node has defaults for these three that an own `undefined` would hide.
    ciphers: DEFAULT_CIPHERS,
    minDHSize: 1024,
    ...tls,
    checkServerIdentity: check === undefined ? checkServerIdentity : identityCheck(check, target.tls),
    ...dialOptions(target),
    path: socketPath,
    // As browsers do for wss: a server that speaks HTTP/2 too is told not to.
    ALPNProtocols: tls.ALPNProtocols ?? ["http/1.1"],
    // RFC 6066 3: the name is sent without its trailing dot, and never an address.
    servername: tls.servername ?? (nodeNet().isIP(host) === 0 ? host.replace(/\.$/, "") : undefined),
    // Not even the environment turns the check off, only the user's own option.
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  };
}

type IdentityCheck = NonNullable<ConnectionOptions["checkServerIdentity"]>;

/** Node does not catch what `checkServerIdentity` throws, and destroys the socket with whatever it returns. */
function identityCheck(check: IdentityCheck, self: ConnectionOptions | undefined): IdentityCheck {
  return (hostname, certificate) => {
    try {
      const refusal: unknown = Reflect.apply(check, self, [hostname, certificate]);
      return refusal ? identityFault(refusal) : undefined;
    } catch (thrown) {
      return identityFault(thrown);
    }
  };
}

function identityFault(reason: unknown): Error {
  let error = toError(reason, "tls.checkServerIdentity");
  if (nodeUtil().types.isPromise(reason)) {
    // Nobody waits for it.
    reason.catch(() => undefined);
    error = new TypeError(
      "tls.checkServerIdentity gave a promise: it must return undefined or an Error at once",
    );
  }
  return markTlsFault(error, { kind: "identity", options: "tls.checkServerIdentity" });
}
