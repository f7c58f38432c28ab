// The interface of a handshake that opens a tunnel through a proxy, and the errors of such handshakes.
import { type HeaderField, ProxyError } from "../errors.js";

/** The target of a tunnel. The proxy resolves its name. */
export interface TunnelTarget {
  /** A host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What follows from received bytes. */
export type TunnelStep =
  | { readonly kind: "write"; readonly bytes: Buffer }
  | { readonly kind: "open" }
  | { readonly kind: "rejected"; readonly error: ProxyError };

/** One handshake with a proxy. Write {@link request}, then pass received bytes to {@link receive}. */
export interface TunnelHandshake {
  readonly request: Buffer;
  /**
   * Processes received bytes. It does not throw. After `open` or `rejected` it must not be called again.
   *
   * @returns The next step, or `undefined` if more bytes are needed.
   */
  receive(bytes: Uint8Array): TunnelStep | undefined;
}

export function rejected(
  code: string,
  message: string,
  details: {
    readonly statusCode?: number;
    readonly headers?: readonly HeaderField[];
    readonly socksCode?: number;
  } = {},
): TunnelStep {
  return { kind: "rejected", error: new ProxyError(message, { code, ...details }) };
}

/**
 * A client speaks first in a new tunnel, with WebSocket and with TLS. Bytes that arrive earlier do not come from the
 * target.
 */
export function opened(extraBytes: number): TunnelStep {
  if (extraBytes === 0) return { kind: "open" };
  return rejected("PROXY_EARLY_DATA", `The proxy sent ${extraBytes} bytes before the tunnel was used.`);
}
