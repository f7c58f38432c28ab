/** The types of the interface of `jetsocket/ws`. They have the names that the types of the package `ws` have. */
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";

/**
 * A received message, as the event `message` passes it. The property `binaryType` selects the form of binary data. With
 * `"blob"` it is a Blob, which this type does not contain, as in the types of the package `ws`.
 */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** A received message, as the event object of `addEventListener("message")` contains it. */
export type Data = string | RawData;

export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments" | "blob";

/** What `send()`, `ping()` and `pong()` accept. Numbers are sent as text. */
export type BufferLike =
  | string
  | number
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly number[]
  | { valueOf(): ArrayBuffer | SharedArrayBuffer | Uint8Array | readonly number[] | string }
  | { [Symbol.toPrimitive](hint: string): string };

/** Options of `send()`. */
export interface SendOptions {
  /** Sends a binary message (`true`) or a text message (`false`). Default: text for strings and numbers. */
  readonly binary?: boolean | undefined;
  /** With `false`, the message is not compressed. Default `true`. */
  readonly compress?: boolean | undefined;
  /** Only `true` is possible: a message is sent as a whole. */
  readonly fin?: boolean | undefined;
  /** Only `true` is possible: a client masks its frames (RFC 6455 5.1). */
  readonly mask?: boolean | undefined;
}

/** Called when the data was passed to the kernel, or with the error that prevented this. */
export type SendCallback = (error?: Error) => void;

export interface PerMessageDeflateOptions {
  /** Asks the server to compress each message on its own. */
  serverNoContextTakeover?: boolean | undefined;
  /** Compresses each sent message on its own. */
  clientNoContextTakeover?: boolean | undefined;
  /** Asks the server for a window of this size, 8 to 15. */
  serverMaxWindowBits?: number | undefined;
  /** The size of the window for sent messages, 8 to 15. */
  clientMaxWindowBits?: number | true | undefined;
  /** `level` and `memLevel` of zlib. `chunkSize` has no effect. Other options of zlib are an error. */
  zlibDeflateOptions?:
    | {
        level?: number | undefined;
        memLevel?: number | undefined;
        chunkSize?: number | undefined;
      }
    | undefined;
  /** `chunkSize` has no effect. Other options of zlib are an error. */
  zlibInflateOptions?: { chunkSize?: number | undefined } | undefined;
  /** Size in bytes below which a message is not compressed. Default 1,024 with `clientNoContextTakeover`, otherwise 0. */
  threshold?: number | undefined;
  /** Has no effect: messages are compressed without threads. */
  concurrencyLimit?: number | undefined;
}

/** Receives the socket that a function creates, or the error. */
export type OnSocket = (error: Error | null, socket?: Duplex) => void;

/**
 * Creates the socket of a connection, and returns it or passes it to `onSocket`. For `wss:`, the function is responsible
 * for TLS.
 */
export type CreateConnection = (options: ConnectionTarget, onSocket: OnSocket) => Duplex | null | undefined;

/** The destination that `createConnection` and agents receive. */
export interface ConnectionTarget extends Omit<ConnectionOptions, "path"> {
  readonly host: string;
  readonly port: number;
  /** The path of a Unix socket. The path of the URL is not part of the options, as with Node's HTTP client. */
  readonly path: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly secureEndpoint: boolean;
}

/** The options of the constructor. A name that is not in this list is an error that names it. */
export interface ClientOptions extends Omit<
  ConnectionOptions,
  "lookup" | "timeout" | "host" | "port" | "path"
> {
  /** Subprotocols to offer, if the second argument is not given. */
  protocols?: string | readonly string[] | undefined;
  /** Header fields of the opening handshake. */
  headers?: Record<string, string | number | readonly string[] | undefined> | undefined;
  /** The header field `Origin`. */
  origin?: string | undefined;
  /** `user:password`, which is sent as Basic authorization. A user and a password in the URL come first. */
  auth?: string | null | undefined;
  /** Only 13 is possible, the version of RFC 6455. */
  protocolVersion?: number | undefined;
  /** Milliseconds for the opening handshake, from the name lookup on. Default: no limit. */
  handshakeTimeout?: number | undefined;
  /** Milliseconds for the closing handshake. Default 30,000. */
  closeTimeout?: number | undefined;
  /** Offers permessage-deflate. Default `true`. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** Maximum size of a received message in bytes. Default 104,857,600. 0 is the maximum, 512 MiB. */
  maxPayload?: number | undefined;
  /** Maximum number of frames of a received message. Default 16,384; 0 for no limit. */
  maxFragments?: number | undefined;
  /** Follows redirects of the opening handshake. Default `false`. */
  followRedirects?: boolean | undefined;
  /** Maximum number of redirects. Default 10. */
  maxRedirects?: number | undefined;
  /** Answers pings. Default `true`. */
  autoPong?: boolean | undefined;
  /** With `false`, each message, ping and pong is emitted in a turn of the event loop of its own. Default `true`. */
  allowSynchronousEvents?: boolean | undefined;
  /** Only `false` is possible: text is always validated. */
  skipUTF8Validation?: boolean | undefined;
  /** An agent of a proxy, an `https.Agent` whose options of TLS apply, or an agent that creates sockets. */
  agent?: Agent | { proxy: unknown } | false | null | undefined;
  createConnection?: CreateConnection | undefined;
  /** Path of a Unix socket or named pipe, which is used instead of the host and port of the URL. */
  socketPath?: string | undefined;
  lookup?: LookupFunction | undefined;
  family?: number | undefined;
  hints?: number | undefined;
  localAddress?: string | undefined;
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  keepAliveInitialDelay?: number | undefined;
  /** Only `true` is possible: the addresses of a host are tried by the rules of RFC 8305. */
  autoSelectFamily?: boolean | undefined;
  /** Has no effect: the next address is tried after 250 ms. */
  autoSelectFamilyAttemptTimeout?: number | undefined;
}

/** An event object of `addEventListener()`. */
export interface Event<Target = unknown> {
  readonly type: string;
  readonly target: Target;
}

export interface ErrorEvent<Target = unknown> extends Event<Target> {
  readonly error: Error;
  readonly message: string;
}

export interface CloseEvent<Target = unknown> extends Event<Target> {
  readonly wasClean: boolean;
  readonly code: number;
  readonly reason: string;
}

export interface MessageEvent<Target = unknown> extends Event<Target> {
  readonly data: Data;
}

/** The event objects, by the name of the event. */
export interface EventMap<Target = unknown> {
  readonly open: Event<Target>;
  readonly error: ErrorEvent<Target>;
  readonly close: CloseEvent<Target>;
  readonly message: MessageEvent<Target>;
}

/** A listener with a method. */
export interface ListenerObject<Listened> {
  handleEvent(event: Listened): void;
}

export interface ListenerOptions {
  /** Removes the listener before its first call. */
  readonly once?: boolean | undefined;
}

/** The arguments of the events of the EventEmitter. */
export interface EmittedEvents {
  readonly open: [];
  readonly message: [data: RawData, isBinary: boolean];
  readonly close: [code: number, reason: Buffer];
  readonly error: [error: Error];
  readonly ping: [data: Buffer];
  readonly pong: [data: Buffer];
  readonly upgrade: [response: IncomingMessage];
  readonly redirect: [url: string, request: ClientRequest];
  readonly "unexpected-response": [request: ClientRequest, response: IncomingMessage];
}
