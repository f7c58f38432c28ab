// The interface through which the client opens byte streams. It contains types only: `src/transport` implements them.
import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import type { HeaderField, ProxyUri } from "../../protocol/index.js";
import type { ServerCertificate, TlsDetails } from "../events/tls-details.js";
import type { AddressAttempt } from "../events/address-attempt.js";

export type { AddressAttempt };

/** The phase of an attempt to open a byte stream. */
export type TransportPhase = "dns" | "tcp" | "proxy" | "tls";

/** Receives the events of a transport. No event is emitted during a call to the transport, or during another event. */
export interface TransportHandler {
  /** A phase has begun. A failure after this event belongs to this phase. */
  onPhase(phase: TransportPhase): void;
  /** Bytes may be written now. */
  onOpen(): void;
  /** The first `length` bytes of `bytes` have arrived. The bytes are valid only until the handler returns. */
  onData(bytes: Buffer, length: number): void;
  /** The peer has ended its side of the stream: no more data arrives. */
  onEnd(): void;
  /** The stream is closed. `error` is the error that ended the stream, or `undefined`. This event is the last. */
  onClose(error: Error | undefined): void;
}

/** A TLS session that later connections of the same client may resume. */
export interface TlsSession {
  /** The host, the port, the server name and the TLS options of the connection that the session is from. */
  readonly origin: readonly unknown[];
  /** The session as Node encodes it. It contains secret keys. */
  readonly ticket: Buffer;
  /** The certificate of the handshake that began the session. */
  readonly certificate: ServerCertificate;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** A byte stream: a TCP, TLS or Unix socket, or a Duplex of the application. */
export interface Transport {
  /**
   * Passes `bytes` to the kernel. At most one write may be pending. After the result `false`, `bytes` must not change
   * until `onWritten` or `onClose` is called.
   *
   * @returns `true` if the kernel accepted all bytes immediately. Otherwise `onWritten` is called when the kernel has
   * accepted all bytes, or never after an error.
   */
  write(bytes: Uint8Array, onWritten: () => void): boolean;
  /** Ends our side of the stream after all written bytes are sent. */
  end(): void;
  /** Destroys the stream. `onClose` is called in a later tick. */
  destroy(): void;
  /** Stops `onData` until {@link resume} is called. Bytes that were already read from the socket wait too. */
  pause(): void;
  resume(): void;
  ref(): void;
  unref(): void;
  /** The addresses that were tried, in the order of their starts. Optional: streams without addresses have none. */
  readonly addresses?: readonly AddressAttempt[];
  /** How TLS protects the stream; `undefined` without TLS, and before the certificate is known. */
  readonly tls?: TlsDetails | undefined;
}

/** Creates the stream to use instead of a socket. `signal` is aborted when the attempt is abandoned. */
export type CreateConnection = (context: {
  readonly url: string;
  readonly signal: AbortSignal;
}) => Duplex | Promise<Duplex>;

/** The proxy through which a transport reaches its destination. */
export interface ProxyTarget {
  readonly uri: ProxyUri;
  /** Header fields for the request to an HTTP proxy. */
  readonly headers: readonly HeaderField[];
  /** Options of TLS to the proxy itself, for `https:`. */
  readonly tls?: ConnectionOptions | undefined;
}

/** The destination of a transport, and the options of its socket. */
export interface TransportTarget {
  /** The URL that the application passed, without credentials. It is passed to `createConnection`. */
  readonly url: string;
  /** A host name or an IP address. An IPv6 address has no brackets. */
  readonly host: string;
  readonly port: number;
  /** `true` for `wss:`, which uses TLS on top of the stream. */
  readonly isSecure: boolean;
  /** Path of a Unix socket or named pipe, used instead of host and port. */
  readonly socketPath?: string | undefined;
  readonly tls?: ConnectionOptions | undefined;
  /** The TLS sessions of the client, which the transport reads and changes; `undefined` to resume none. */
  readonly tlsSessions?: TlsSession[] | undefined;
  readonly lookup?: LookupFunction | undefined;
  readonly localAddress?: string | undefined;
  /** Disables Nagle's algorithm. */
  readonly noDelay: boolean;
  /** TCP keep-alive: milliseconds without data before the first probe, or `false` to disable the probes. */
  readonly keepAlive: number | false;
  /** The proxy to use, if any. It resolves the host name. */
  readonly proxy?: ProxyTarget | undefined;
  /** Returns a stream that is ready for use, including TLS if it is needed. */
  readonly createConnection?: CreateConnection | undefined;
  /** Aborts a pending call of `createConnection`. Set with `createConnection`. */
  readonly signal?: AbortSignal | undefined;
  /** Memory that all transports share for reading. */
  readonly readBuffer: Buffer;
}

/** Opens a stream. A failure is reported by `onClose`, never thrown. */
export type OpenTransport = (target: TransportTarget, handler: TransportHandler) => Transport;
