// The port through which the client opens byte streams. It contains types only; src/transport implements it.
import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";

/** Where an attempt to open a byte stream has got to. */
export type TransportPhase = "dns" | "tcp" | "proxy" | "tls";

/** What a transport tells; the calls come one at a time and never from inside a call to the transport. */
export interface TransportHandler {
  /** A step has begun: a failure from now on is of this phase. */
  onPhase(phase: TransportPhase): void;
  /** Bytes may be written now. */
  onOpen(): void;
  /** The first `length` bytes of `bytes` have come. They are the handler's until it returns, and no longer. */
  onData(bytes: Buffer, length: number): void;
  /** The peer has ended its side: no more data comes. */
  onEnd(): void;
  /** The stream is gone, with the error that ended it, if one did. Once, and the last call. */
  onClose(error: Error | undefined): void;
}

/** One byte stream: a TCP or TLS or Unix socket, or a Duplex of the user's. */
export interface Transport {
  /**
   * Hands `bytes` to the kernel, at most one write at a time.
   *
   * @returns `true` where the kernel has taken all of them at once; otherwise `onWritten` is called when it has.
   *   `bytes` must stay as they are until then, or until `onClose`. After an error `onWritten` is never called.
   */
  write(bytes: Uint8Array, onWritten: () => void): boolean;
  /** Ends our side once all that was written has left. */
  end(): void;
  /** Drops the stream at once; `onClose` follows in a later tick. */
  destroy(): void;
  /** No `onData` comes until {@link resume}, not even for what has been read already. */
  pause(): void;
  resume(): void;
  ref(): void;
  unref(): void;
}

/** Creates the stream that is used instead of a socket. `signal` is aborted when the attempt is abandoned. */
export type CreateConnection = (context: {
  readonly url: string;
  readonly signal: AbortSignal;
}) => Duplex | Promise<Duplex>;

/** The destination of a transport, and the options of its socket. */
export interface TransportTarget {
  /** The url as the user wrote it but for its credentials; what `createConnection` is given. */
  readonly url: string;
  /** A name or an address, IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
  /** `true` for wss: TLS on top of the stream. */
  readonly isSecure: boolean;
  /** Path of a Unix socket or a named pipe, in the place of host and port. */
  readonly socketPath?: string | undefined;
  readonly tls?: ConnectionOptions | undefined;
  readonly lookup?: LookupFunction | undefined;
  readonly localAddress?: string | undefined;
  /** Sends small segments without delay. */
  readonly noDelay: boolean;
  /** TCP keep-alive: milliseconds of silence before the first probe, or `false`. */
  readonly keepAlive: number | false;
  /** Gives the stream ready for use; TLS, where wanted, is the user's part of it. */
  readonly createConnection?: CreateConnection | undefined;
  /** Aborts what is under way in `createConnection`. */
  readonly signal: AbortSignal;
  /** Memory that all transports read into. */
  readonly readBuffer: Buffer;
}

/** Opens a stream; a failure is told by `onClose`, never thrown. */
export type OpenTransport = (target: TransportTarget, handler: TransportHandler) => Transport;
