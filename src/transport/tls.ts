// Opens TLS connections. It does not verify certificates itself: Node does.
import { ownOptions } from "../../protocol/index.js";
import type { TcpNetConnectOpts } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { nodeNet, nodeTls, nodeUtil } from "../runtime/node-modules.js";
import { SocketTransport } from "./socket-transport.js";
import { dialOptions, initialPhase, prepareTcp } from "./tcp.js";
import { checkTlsOptions, markTlsFault, refusedTlsOptions } from "./tls-fault.js";
import { toError } from "../runtime/to-error.js";
import type { Transport, TransportHandler, TransportTarget } from "../runtime/transport.js";
import { unsetSocketOptions, unsetTlsOptions } from "./unset-options.js";

/** Options of Node's `tls.connect`, including the options of the underlying socket. */
type TlsOptions = ConnectionOptions & Pick<TcpNetConnectOpts, "localAddress" | "onread">;

/** Opens TLS over TCP, over a Unix socket, or over the stream `tls.socket`. */
export function openTls(target: TransportTarget, handler: TransportHandler): Transport {
  const transport = new SocketTransport(handler);
  const tls = ownOptions(target.tls ?? {});
  const hasStream = tls.socket !== undefined;
  transport.begin(hasStream ? "tls" : initialPhase(target));
  try {
    const options = tlsOptions(target, tls);
    // Node supports `onread` only on sockets that it creates.
    if (!hasStream) options.onread = transport.readInto(target.readBuffer);
    const socket = connectWith(options, tls, transport);
    // With `tls.socket`, Node ignores the option `allowHalfOpen` and uses the setting of that stream.
    socket.allowHalfOpen = true;
    transport.attach(socket);
    if (!hasStream) {
      prepareTcp(socket, target, transport);
      socket.once("connect", () => transport.enter("tls"));
    }
    socket.once("secureConnect", () => transport.open());
  } catch (error) {
    transport.fail(toError(error, "connect"));
  }
  return transport;
}

/**
 * Calls `tls.connect` of Node. If Node cannot use the option `tls`, `tls.connect` throws before a byte is sent, and
 * would throw again in each later attempt. The error is reported for the phase "tls", although this phase has not begun
 * yet.
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

/** @param tls - The own properties of the option `tls`. */
function tlsOptions(target: TransportTarget, tls: ConnectionOptions): TlsOptions {
  const { host } = target;
  const { DEFAULT_CIPHERS, checkServerIdentity } = nodeTls();
  const { checkServerIdentity: check } = tls;
  return {
    ...unsetSocketOptions,
    ...unsetTlsOptions,
    // An own property with the value `undefined` would hide Node's default of `ciphers`, `minDHSize` and
    // `checkServerIdentity`.
    ciphers: DEFAULT_CIPHERS,
    minDHSize: 1024,
    ...tls,
    checkServerIdentity: check === undefined ? checkServerIdentity : identityCheck(check, target.tls),
    ...dialOptions(target),
    // Browsers, too, send only the ALPN value `http/1.1` for `wss:`. A server that supports HTTP/2 then selects
    // HTTP/1.1.
    ALPNProtocols: tls.ALPNProtocols ?? ["http/1.1"],
    // RFC 6066 3: the server name is sent without a trailing dot, and an IP address is not sent.
    servername: tls.servername ?? (nodeNet().isIP(host) === 0 ? host.replace(/\.$/, "") : undefined),
    // Only the option `rejectUnauthorized` can disable the check. The environment variable NODE_TLS_REJECT_UNAUTHORIZED
    // is ignored.
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  };
}

type IdentityCheck = NonNullable<ConnectionOptions["checkServerIdentity"]>;

/**
 * Node does not catch exceptions of `checkServerIdentity`. If the function returns a value, Node destroys the socket
 * with that value.
 */
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
    // Prevents an unhandled rejection of the promise.
    reason.catch(() => undefined);
    error = new TypeError(
      "tls.checkServerIdentity returned a promise: it must return undefined or an Error synchronously",
    );
  }
  return markTlsFault(error, { kind: "identity", options: "tls.checkServerIdentity" });
}
