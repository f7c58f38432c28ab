import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { CloseReport } from "../events/close-report.js";
import type { Runtime } from "../runtime/runtime.js";
import type { CreateConnection } from "../runtime/transport.js";
import type { LayerOptions, OutboxOptions } from "./layer-options.js";
import type { SetupConnection } from "./setup-connection.js";

export type * from "./layer-options.js";
export type * from "./setup-connection.js";
export type { CreateConnection };

/** What a provider function is given at each attempt. */
export interface AttemptContext {
  /** 1 for the first. */
  readonly attempt: number;
  /** How the attempt or connection before this one ended. */
  readonly lastReport: CloseReport | undefined;
  /** Aborted when the attempt is given up. */
  readonly signal: AbortSignal;
}

/** A value, or a function that is asked for it again at each attempt. */
export type Provided<Value> = Value | ((context: AttemptContext) => Value | Promise<Value>);

/** The address: `ws:` or `wss:`; `http:` and `https:` mean the same. A fragment is an error. */
export type Url = string | URL;

/**
 * Header fields for the opening handshake: an object, or pairs in an array, a `Map` or a `Headers`. In pairs, their
 * order and repeats reach the wire.
 */
export type HeadersInit =
  Readonly<Record<string, string | readonly string[]>> | Iterable<readonly [name: string, value: string]>;

/** What is offered as permessage-deflate (RFC 7692 7.1). */
export interface CompressOptions {
  /** zlib's level, 0 to 9. Default: zlib's own. */
  readonly level?: number | undefined;
  /** zlib's memLevel, 1 to 9. Default 8. */
  readonly memLevel?: number | undefined;
  /** Offers `client_max_window_bits` with this value, 8 to 15. Default: the bare parameter. */
  readonly windowBits?: number | undefined;
  /** Asks for `server_max_window_bits` with this value, 8 to 15. */
  readonly serverWindowBits?: number | undefined;
  /** Offers `client_no_context_takeover`: no memory between our messages. */
  readonly noContextTakeover?: boolean | undefined;
  /** Asks for `server_no_context_takeover`. */
  readonly serverNoContextTakeover?: boolean | undefined;
}

/** Makes what `send()` was given into what goes on the wire: a string goes as text, bytes as binary. */
export type Serializer<Sent> = (value: Sent) => string | Uint8Array;

/** Makes what came into what `message`, `recv()` and `for await` give. */
export type Deserializer<Received> = (data: string | Buffer, isBinary: boolean) => Received;

/** Options of layers that are not there yet: each takes only `false`, its default, and any other value is an error. */
export type LayerOption = "schema" | "proxy";

/**
 * The options of a client. A wrong one, or one with an unknown name, is a `TypeError` or `RangeError` that names it. What
 * is received and sent is inferred from `deserializer`, `serializer`, `outbox.idOf` and `outbox.acknowledges`: the other functions
 * of the layers are held to them.
 */
export interface WebSocketOptions<Received, Sent>
  extends
    LayerOptions<NoInfer<Received>, NoInfer<Sent>>,
    Readonly<Partial<Record<LayerOption, false | undefined>>> {
  /**
   * Messages that are sent while there is no connection: their number, or more about it. Default `false`: such a `send()`
   * rejects with an `InvalidStateError`.
   */
  readonly outbox?: number | OutboxOptions<Received, Sent> | false | undefined;
  /**
   * Runs on every new connection, before anything queued is sent: authenticate, subscribe. One that throws, rejects or
   * outlasts `setupTimeout` fails the attempt; `signal` is aborted when the attempt is given up. Default: none.
   */
  readonly onConnection?:
    ((connection: SetupConnection<Received, Sent>, signal: AbortSignal) => unknown) | undefined;
  /** The subprotocols to offer (RFC 6455 1.9); the server's choice is checked. Default: none. */
  readonly subprotocols?: Provided<string | readonly string[]> | undefined;
  /** Host may be replaced; Upgrade, Connection and Sec-WebSocket-* may not be given. No Origin is sent unless given. */
  readonly headers?: Provided<HeadersInit> | undefined;
  /** Default: strings and bytes as they are, everything else as JSON. */
  readonly serializer?: Serializer<Sent> | undefined;
  /**
   * Default: a text whose first character other than white space is `{` or `[` is parsed as JSON, every other text is given as the
   * string it is, binary as the Buffer it is. `json` and `raw` can be spread into the options instead.
   */
  readonly deserializer?: Deserializer<Received> | undefined;

  /** Offers permessage-deflate. Default `true`. */
  readonly compress?: boolean | CompressOptions | undefined;
  /** Messages below this many bytes go uncompressed. Default 128. */
  readonly compressionThreshold?: number | undefined;

  /** Milliseconds for name look-up, TCP, TLS and HTTP together. Default 10,000. */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds without progress that the closing handshake may take. Default 5,000. */
  readonly closeTimeout?: number | undefined;
  /** Milliseconds in which a message that has begun must come on by 1 KiB. Default 120,000. */
  readonly messageTimeout?: number | undefined;

  /** The most bytes of a received message, after decompression; more fails the connection with 1009. Default 64 MiB. */
  readonly maxMessageSize?: number | undefined;
  /** The most bytes of a received frame. Default: `maxMessageSize`. */
  readonly maxFrameSize?: number | undefined;

  /** Above this many waiting bytes `send()` waits; see `maxBufferedAmount` for what counts. Default 1 MiB. */
  readonly highWaterMark?: number | undefined;
  /** At this many bytes `drain` comes. Default: half of `highWaterMark`. */
  readonly lowWaterMark?: number | undefined;
  /**
   * Above this many bytes `send()` is refused with a `BufferOverflowError`. A message that waits above `highWaterMark`
   * counts about 1 KiB besides its bytes; the first 1 MiB of that is not counted. Default 64 MiB.
   */
  readonly maxBufferedAmount?: number | undefined;

  /** Answers pings by itself. Default `true`; otherwise `pong(payload)` answers by hand. */
  readonly autoPong?: boolean | undefined;

  /** As in `tls.connect`; never changed. `rejectUnauthorized` is `true` unless given. */
  readonly tls?: ConnectionOptions | undefined;
  /** As in `net.connect`. */
  readonly lookup?: LookupFunction | undefined;
  /** As in `net.connect`. */
  readonly localAddress?: string | undefined;
  /** Connects to a Unix socket or a named pipe instead of the url's host and port. */
  readonly socketPath?: string | undefined;
  /** Sends small segments without delay. Default `true`. */
  readonly noDelay?: boolean | undefined;
  /** TCP keep-alive: `true`, or milliseconds of silence before the first probe. Default `false`. */
  readonly keepAlive?: boolean | number | undefined;
  /** Gives the stream in the place of a socket; for `wss:` its TLS is yours. */
  readonly createConnection?: CreateConnection | undefined;

  /** Ends the client: an open connection sends Close 1001, and what waits rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Clock, timers, randomness and network. Default: Node's. */
  readonly runtime?: Runtime | undefined;
}
