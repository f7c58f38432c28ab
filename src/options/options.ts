/**
 * Types of the options that users pass to a client. All types of this module are public. The checks and the defaults of
 * the options are in `resolve-options.ts`.
 */
import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { CloseReport } from "../events/close-report.js";
import type { Runtime } from "../runtime/runtime.js";
import type { CreateConnection } from "../runtime/transport.js";
import type { LayerOptions, OutboxOptions } from "./layer-options.js";
import type { SetupConnection } from "./setup-connection.js";
import type { StandardSchema } from "./standard-schema.js";

export type * from "./layer-options.js";
export type * from "./standard-schema.js";
export type * from "./setup-connection.js";
export type { CreateConnection };

/** The argument of a provider function, which is called at each attempt. */
export interface AttemptContext {
  /** The number of the attempt. The first attempt has the number 1. */
  readonly attempt: number;
  /** The report of the previous attempt or connection; `undefined` at the first attempt. */
  readonly lastReport: CloseReport | undefined;
  /** A signal that is aborted when the attempt is abandoned. */
  readonly signal: AbortSignal;
}

/** A value, or a function that returns the value. The function is called at each attempt. */
export type Provided<Value> = Value | ((context: AttemptContext) => Value | Promise<Value>);

/**
 * The address, with the scheme `ws:` or `wss:`. `http:` means `ws:`, and `https:` means `wss:`. A URL with a fragment
 * is an error.
 */
export type Url = string | URL;

/**
 * Header fields for the opening handshake: an object, or pairs of name and value in an array, a `Map` or a `Headers`.
 * Pairs keep their order, and a name may be repeated.
 */
export type HeadersInit =
  Readonly<Record<string, string | readonly string[]>> | Iterable<readonly [name: string, value: string]>;

/** A proxy with more than its URL. */
export interface ProxyOptions {
  /**
   * The URL of the proxy with the scheme `http:`, `https:` or `socks5:`. User name and password, if there are any, are
   * sent as Basic authentication (RFC 7617) or by RFC 1929.
   */
  readonly url: string | URL;
  /** Header fields of the request to an HTTP proxy, such as `Proxy-Authorization`. Default: none. */
  readonly headers?: HeadersInit | undefined;
  /** Options of TLS to an `https:` proxy itself, such as `ca`. Default: none. */
  readonly tls?: ConnectionOptions | undefined;
}

/**
 * The proxy for a connection. `"env"` reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` at each attempt;
 * `false` or `undefined` connects directly.
 */
export type ProxyOption = string | URL | ProxyOptions | false | undefined;

/**
 * Where a text comes from that a client is about to show: a URL, the name of a subprotocol, the value of a header field
 * of a response, the reason of a Close frame, the text of an error, or a logged message.
 */
export type RedactKind = "url" | "subprotocol" | "header" | "reason" | "error" | "payload";

/**
 * Returns the text to show instead of `text`. `name` is the name of the header field if `kind` is `"header"`. If the
 * function throws, or does not return a string, `***` is shown.
 */
export type Redact = (text: string, kind: RedactKind, name?: string) => string;

/** The parameters of permessage-deflate that the client offers (RFC 7692 7.1). */
export interface CompressOptions {
  /** Compression level of zlib, 0 to 9. Default: the default of zlib. */
  readonly level?: number | undefined;
  /** `memLevel` of zlib, 1 to 9. Default 8. */
  readonly memLevel?: number | undefined;
  /** Offers `client_max_window_bits` with this value, 8 to 15. Default: offers the parameter without a value. */
  readonly windowBits?: number | undefined;
  /** Requests `server_max_window_bits` with this value, 8 to 15. Default: no request. */
  readonly serverWindowBits?: number | undefined;
  /** Offers `client_no_context_takeover`: each sent message is compressed on its own. Default `false`. */
  readonly noContextTakeover?: boolean | undefined;
  /** Requests `server_no_context_takeover`: the server compresses each message on its own. Default `false`. */
  readonly serverNoContextTakeover?: boolean | undefined;
}

/** Converts the argument of `send()` to a message. A string is sent as text, bytes are sent as binary. */
export type Serializer<Sent> = (value: Sent) => string | Uint8Array;

/** Converts a received message to the value that `message`, `recv()` and `for await` deliver. */
export type Deserializer<Received> = (data: string | Buffer, isBinary: boolean) => Received;

/**
 * The type `Value`, which TypeScript infers from this place only if it cannot infer it from another place: inference from
 * an intersection has a lower priority.
 */
type InferredLater<Value> = Value & (Value extends never ? unknown : unknown);

/** The options of a client that do not depend on the way in which received messages get their type. */
export interface CommonOptions<Received, Sent> extends LayerOptions<NoInfer<Received>, NoInfer<Sent>> {
  /**
   * The queue of messages that `send()` accepts while there is no connection: its capacity in messages, or an object
   * with more options. With `false`, `send()` rejects with an `InvalidStateError` while there is no connection. Default
   * `false`.
   */
  readonly outbox?: number | OutboxOptions<Received, Sent> | false | undefined;
  /**
   * Called on every new connection before any queued message is sent, for example to authenticate or subscribe. The
   * attempt fails if the function throws, rejects or takes longer than `setupTimeout`. `signal` is aborted when the
   * attempt is abandoned. Default: none.
   */
  readonly onConnection?:
    ((connection: SetupConnection<Received, Sent>, signal: AbortSignal) => unknown) | undefined;
  /**
   * Subprotocols to offer (RFC 6455 1.9). The handshake fails if the server selects a subprotocol that was not offered.
   * Default: none.
   */
  readonly subprotocols?: Provided<string | readonly string[]> | undefined;
  /**
   * Header fields of the opening handshake. `Host` may be replaced. `Upgrade`, `Connection` and `Sec-WebSocket-*` are
   * not allowed. `Origin` is sent only if it is set here. Default: none.
   */
  readonly headers?: Provided<HeadersInit> | undefined;
  /**
   * Converts sent values to messages. By default, strings and bytes are sent unchanged, and other values are sent as
   * JSON.
   */
  readonly serializer?: Serializer<Sent> | undefined;
  /**
   * What happens to a message that does not match `schema`. In both modes the message is not delivered, counts in
   * `messagesDropped`, and is reported by the event `dropped` with the cause `"schema"`. `"strict"` also emits `error`
   * with a `ValidationError`. `"lenient"` does not. Requires `schema`. Default `"strict"`.
   */
  readonly schemaMode?: "strict" | "lenient" | undefined;

  /** Offers permessage-deflate. Default `true`. */
  readonly compress?: boolean | CompressOptions | undefined;
  /** Size in bytes below which a message is sent without compression. Default 128. */
  readonly compressionThreshold?: number | undefined;

  /**
   * Maximum number of redirects that an attempt follows. Header fields and subprotocols that may contain credentials
   * are not sent to another origin, and a redirect from `wss:` to `ws:` is refused. Default 0: a redirect is an error.
   */
  readonly followRedirects?: number | undefined;

  /** Milliseconds for name lookup, TCP, TLS and the HTTP handshake together. Default 10,000. */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds without progress after which the closing handshake is aborted. Default 5,000. */
  readonly closeTimeout?: number | undefined;
  /**
   * Milliseconds within which each further 1 KiB of a started message must arrive. Otherwise the connection fails with
   * code 1008. Default 120,000.
   */
  readonly messageTimeout?: number | undefined;

  /**
   * Maximum size of a received message in bytes, after decompression. A larger message fails the connection with code
   * 1009. Default 64 MiB.
   */
  readonly maxMessageSize?: number | undefined;
  /** Maximum size of a received frame in bytes. Default: `maxMessageSize`. */
  readonly maxFrameSize?: number | undefined;
  /**
   * Maximum number of frames of a received message, empty ones included. Pings and pongs between them do not count. One
   * more frame fails the connection with code 1008 and a `ProtocolError`, code `TOO_MANY_FRAGMENTS`. Default 131,072.
   */
  readonly maxFragments?: number | undefined;
  /**
   * Maximum number of pings and pongs that arrive per second, on average. The frames of one minute may arrive at once,
   * and the frames of a pause of reading in addition. More frames fail the connection with code 1008 and a
   * `ProtocolError`, code `TOO_MANY_CONTROL_FRAMES`. Default 2,000.
   */
  readonly maxControlRate?: number | undefined;

  /**
   * Number of buffered bytes above which `send()` waits. The option `maxBufferedAmount` describes which bytes count.
   * Default 1 MiB.
   */
  readonly highWaterMark?: number | undefined;
  /** Number of buffered bytes at which the client emits `drain`. Default: half of `highWaterMark`. */
  readonly lowWaterMark?: number | undefined;
  /**
   * Number of buffered bytes above which `send()` rejects with a `BufferOverflowError`. A message that must wait
   * because of `highWaterMark` counts about 1 KiB more than its payload. The first 1 MiB of this overhead does not
   * count. Default 64 MiB.
   */
  readonly maxBufferedAmount?: number | undefined;

  /** Answers pings automatically. With `false`, call `pong(payload)` for each ping. Default `true`. */
  readonly autoPong?: boolean | undefined;

  /**
   * Options of `tls.connect`. They are not modified. `rejectUnauthorized` is `true` unless it is set here. Default:
   * none.
   */
  readonly tls?: ConnectionOptions | undefined;
  /**
   * Resumes a TLS session when the client connects again, which saves the check of the certificate and, with TLS 1.2, a
   * round trip. Only this client uses the session, and only for the same host, port and options. No session is resumed
   * if `tls` contains `checkServerIdentity` or `pskCallback`, which Node does not call for a resumed session, or
   * `session` or `socket`. Default `true`.
   */
  readonly tlsSessions?: boolean | undefined;
  /** The `lookup` option of `net.connect`. */
  readonly lookup?: LookupFunction | undefined;
  /** The `localAddress` option of `net.connect`: an IP address. */
  readonly localAddress?: string | undefined;
  /** Path of a Unix socket or named pipe to connect to, instead of the host and port of the URL. */
  readonly socketPath?: string | undefined;
  /** Disables Nagle's algorithm, so that small segments are sent without delay. Default `true`. */
  readonly noDelay?: boolean | undefined;
  /** TCP keep-alive: the milliseconds without data before the first probe. `true` means 60,000. Default `false`. */
  readonly keepAlive?: boolean | number | undefined;
  /**
   * The proxy, or a function that returns it and is called at each attempt. The proxy resolves the host name of the
   * URL. TLS of `wss:` is inside the tunnel. Default: none; the environment is read only with `"env"`.
   */
  readonly proxy?: ProxyOption | ((url: string) => ProxyOption | Promise<ProxyOption>);
  /**
   * What happens before credentials are sent without encryption, which is over `ws:` to a host that is not this machine:
   * `"warn"` emits one warning of the process per host, `"forbid"` fails with a `ConnectionError` with the code
   * `INSECURE_CREDENTIALS` before the client dials, and `"allow"` does nothing. Credentials are a user name or password
   * in the URL, header fields such as `Authorization` and `Cookie`, and query parameters and subprotocols that look like
   * tokens. Default `"warn"`.
   */
  readonly insecureCredentials?: "warn" | "forbid" | "allow" | undefined;
  /**
   * Replaces the rule that hides secrets in URLs, subprotocols, header fields, close reasons, errors and logs. The
   * function receives the original text. User name, password and fragment of a URL are removed before. Default: a rule
   * that hides what has the name of a secret or looks random.
   */
  readonly redact?: Redact | undefined;
  /** Returns a stream that replaces the socket. For `wss:`, this function is responsible for TLS. Default: none. */
  readonly createConnection?: CreateConnection | undefined;

  /**
   * Ends the client when the signal is aborted. An open connection sends a Close frame with code 1001, and pending
   * promises reject with `signal.reason`. Default: none.
   */
  readonly signal?: AbortSignal | undefined;
  /** The clock, timers, randomness and network of the client. Default: `nodeRuntime`. */
  readonly runtime?: Runtime | undefined;
}

/**
 * The options of a client. An unknown name or a wrong value throws a `TypeError` or `RangeError` that names the option.
 * TypeScript infers the types of received and sent messages from `schema`, `deserializer`, `serializer`, `outbox.idOf`
 * and `outbox.acknowledges`. All other functions must match these types.
 */
export interface WebSocketOptions<Received, Sent> extends CommonOptions<Received, Sent> {
  /**
   * Converts received messages to values. By default, a text message that starts with `{` or `[` after white space is
   * parsed as JSON. Other text is delivered as a string, binary data as a Buffer. To choose another conversion, spread
   * `json` or `raw` into the options.
   */
  readonly deserializer?: Deserializer<InferredLater<Received>> | undefined;
  /**
   * Checks each received message after the deserializer: a Standard Schema, such as a schema of zod, valibot or arktype.
   * The client delivers the value that the schema returns. `validate` must not return a promise: a schema that does is
   * an `error` event for each message, with a `ValidationError` that has the code `SCHEMA_FUNCTION_FAILED`. Default:
   * none; messages are not checked.
   */
  readonly schema?: StandardSchema<Received> | false | undefined;
}

/**
 * The options of a client whose `schema` determines the type of received messages. The deserializer may then return any
 * value, because the schema checks it.
 */
export interface SchemaOptions<Received, Sent> extends CommonOptions<Received, Sent> {
  readonly deserializer?: Deserializer<unknown> | undefined;
  readonly schema: StandardSchema<Received>;
}

/** The options of a client, with or without a `schema` that determines the type of received messages. */
export type ClientOptions<Received, Sent> = SchemaOptions<Received, Sent> | WebSocketOptions<Received, Sent>;
