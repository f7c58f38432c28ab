// Opens TLS connections. It does not verify certificates itself: Node does.
import { ownOptions } from "../../protocol/index.js";
import type { LookupFunction, OnReadOpts, TcpNetConnectOpts } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { nodeNet, nodeTls, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { dial } from "./tcp.js";
import { checkKeyPair, checkTlsOptions, markTlsFault, refusedTlsOptions } from "./tls-fault.js";
import { sessionSlot } from "./tls-sessions.js";
import { TlsWatch, tlsWatchOf } from "./tls-watch.js";
import { toError } from "../runtime/to-error.js";
import type { Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { unsetInherited } from "./unset-options.js";

/** Options of Node's `tls.connect`, including the options of the underlying socket. */
type TlsOptions = ConnectionOptions &
  Pick<TcpNetConnectOpts, "localAddress" | "onread" | "autoSelectFamily"> & {
    readonly path?: string | undefined;
  };

/** Opens TLS over TCP, over a Unix socket, or over the stream `tls.socket`. */
export function openTls(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  const { socket: stream } = ownOptions(target.tls ?? {});
  const { socketPath: path, readBuffer } = target;
  if (stream !== undefined) {
    transport.begin("tls");
    openOver(target, transport, { socket: stream });
  } else if (path !== undefined) {
    transport.begin("tcp");
    const socket = openOver(target, transport, { path, onread: transport.readInto(readBuffer) });
    socket?.once("connect", () => transport.enter("tls"));
  } else {
    const onread = (): OnReadOpts => transport.readInto(readBuffer);
    const connect = tryTls(target.tls, "tls", transport, () => tlsConnector(target, onread));
    if (connect === undefined) return transport;
    const tryConnect = (address: string): TLSSocket => {
      try {
        return connect(address);
      } catch (thrown) {
        // Node checks some options only now.
        transport.enter("tls");
        throw optionsFault(thrown, target.tls, "tls");
      }
    };
    dial(target, transport, tryConnect, (socket) => {
      transport.enter("tls");
      socket.once("secureConnect", () => transport.open());
    });
  }
  return transport;
}

/** Starts TLS on `stream`, which is connected to the target. */
export function startTls(target: TransportTarget, transport: SocketTransport, stream: Duplex): void {
  transport.enter("tls");
  openOver(target, transport, { socket: stream });
}

/**
 * Returns a function that connects to an address of the target and starts TLS.
 *
 * @param onread - Returns the option `onread` of a socket.
 * @throws if Node cannot use the option `tls`.
 */
export function tlsConnector(
  target: TransportTarget,
  onread?: () => OnReadOpts,
): (address: string) => TLSSocket {
  const { host, port, localAddress } = target;
  const connect = tlsStarter(target);
  return (address) => {
    // The name stays in `host`, because Node compares it with the certificate.
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(null, address, nodeNet().isIP(address));
    return connect({
      // `path` would take precedence over the address.
      ...{ host, port, localAddress, lookup, path: undefined, autoSelectFamily: false, allowHalfOpen: true },
      onread: onread?.(),
    });
  };
}

/** @param connection - The stream, or the path of a Unix socket. */
function openOver(
  target: TransportTarget,
  transport: SocketTransport,
  connection: TlsOptions,
): TLSSocket | undefined {
  const socket = tryTls(target.tls, "tls", transport, () => tlsStarter(target)(connection));
  if (socket === undefined) return undefined;
  // With `socket`, Node ignores the option `allowHalfOpen` and uses the setting of that stream.
  socket.allowHalfOpen = true;
  transport.attach(socket, tlsWatchOf(socket));
  return socket.once("secureConnect", () => transport.open());
}

/**
 * Calls a function that throws if Node cannot use the option `tls`, before a byte is sent. Every attempt would fail in
 * the same way. The failure belongs to the phase "tls", which has not begun yet.
 */
export function tryTls<Result>(
  tls: ConnectionOptions | undefined,
  optionName: string,
  transport: SocketTransport,
  create: () => Result,
): Result | undefined {
  try {
    return create();
  } catch (thrown) {
    transport.begin("tls");
    transport.fail(optionsFault(thrown, tls, optionName));
    return undefined;
  }
}

function optionsFault(thrown: unknown, tls: ConnectionOptions | undefined = {}, optionName: string): Error {
  const error = toError(thrown, "tls.connect");
  const options = refusedTlsOptions(ownOptions(tls), error).replaceAll("tls", optionName);
  return markTlsFault(error, { kind: "options", options });
}

/**
 * Returns a function that starts TLS, over whichever connection.
 *
 * @throws if Node cannot use the option `tls`.
 */
function tlsStarter(target: TransportTarget): (connection: TlsOptions) => TLSSocket {
  const { host, tls: given = {} } = target;
  const tls = ownOptions(given);
  checkTlsOptions(tls);
  const node = nodeTls();
  const { checkServerIdentity: ownCheck } = tls;
  const check = ownCheck === undefined ? node.checkServerIdentity : identityCheck(ownCheck, given);
  const slot = sessionSlot(target, tls);
  const options = {
    ...unsetInherited(),
    // Among these, the value `undefined` would hide a default of Node.
    ciphers: node.DEFAULT_CIPHERS,
    minDHSize: 1024,
    ...tls,
    host,
    // As browsers do for wss, so that a server that supports HTTP/2 selects HTTP/1.1.
    ALPNProtocols: tls.ALPNProtocols ?? ["http/1.1"],
    // RFC 6066 3: the server name is sent without a trailing dot, and an IP address is not sent.
    servername: tls.servername ?? (nodeNet().isIP(host) === 0 ? host.replace(/\.$/, "") : undefined),
    // Only the option can disable the check. NODE_TLS_REJECT_UNAUTHORIZED is ignored.
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  };
  const secureContext = tls.secureContext ?? node.createSecureContext(options);
  if (tls.cert !== undefined) checkKeyPair(tls);
  const hasCertificate = (tls.cert ?? tls.pfx ?? tls.secureContext) !== undefined;
  return (connection) => {
    const watch = new TlsWatch(slot, hasCertificate);
    const checkServerIdentity: IdentityCheck = (hostname, certificate) => {
      const refusal = check(hostname, certificate);
      if (refusal !== undefined) watch.onRefused(certificate);
      return refusal;
    };
    const session = slot?.offered?.ticket ?? tls.session;
    const all = { ...options, ...connection, secureContext, session, checkServerIdentity };
    return watch.observe(node.connect(all as ConnectionOptions));
  };
}

type IdentityCheck = NonNullable<ConnectionOptions["checkServerIdentity"]>;

/**
 * Node does not catch exceptions of `checkServerIdentity`. If the function returns a value, Node destroys the socket
 * with that value.
 */
function identityCheck(check: IdentityCheck, self: ConnectionOptions): IdentityCheck {
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
    // Prevents an unhandled rejection.
    reason.catch(() => undefined);
    error = new TypeError(
      "tls.checkServerIdentity returned a promise: it must return undefined or an Error synchronously",
    );
  }
  return markTlsFault(error, { kind: "identity", options: "tls.checkServerIdentity" });
}
