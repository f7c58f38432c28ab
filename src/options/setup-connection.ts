/**
 * Types of the connection that `onConnection` and `onReplay` receive, and of the options of method calls. This module
 * does not contain the implementation.
 */
import type { WaitOptions } from "../runtime/wait.js";

/** The data that `sendRaw()` accepts. */
export type RawData = string | Uint8Array | ArrayBufferView | ArrayBuffer | SharedArrayBuffer | Blob;

/** Options of `send()`. */
export interface MessageOptions extends WaitOptions {
  /**
   * Whether to compress this message, whatever its size. Default: `true` if the message has at least
   * `compressionThreshold` bytes.
   */
  readonly compress?: boolean | undefined;
}

/** Options of `sendRaw()`. */
export interface RawMessageOptions extends MessageOptions {
  /** `true` sends a binary message, `false` a text message. Default: text for a string, binary for other data. */
  readonly binary?: boolean | undefined;
}

/** Options of `ping()`. */
export interface PingOptions extends WaitOptions {
  /**
   * The payload: at most 125 bytes (RFC 6455 5.5). Default: 8 bytes that differ from the payload of every other ping of
   * the client.
   */
  readonly payload?: Uint8Array | undefined;
}

/** Options of `recv()`. */
export interface RecvOptions<Received> extends WaitOptions {
  /**
   * Selects the first message for which the function returns `true`. The other messages stay in the buffer, in order.
   * Default: selects the first message.
   */
  readonly match?: ((message: Received) => boolean) | undefined;
}

/** Options of `recv()` with a type predicate, which narrows the type of the result. */
export interface NarrowingRecvOptions<Received, Matched extends Received> extends WaitOptions {
  /** Selects the first message of the type `Matched`. The other messages stay in the buffer, in order. */
  readonly match: (message: Received) => message is Matched;
}

/** The options of method calls, with the names that a {@link SetupConnection} uses. */
export type {
  MessageOptions as SetupSendOptions,
  PingOptions as SetupPingOptions,
  RawMessageOptions as SetupRawOptions,
  RecvOptions as SetupRecvOptions,
};

/**
 * The connection that `onConnection` and `onReplay` receive. Its methods use only this connection. They bypass the
 * outbox and the receive buffer of the client.
 */
export interface SetupConnection<Received, Sent> {
  /** The URL of the connection, without credentials. */
  readonly url: string;
  /** The subprotocol that the server selected (RFC 6455 1.9); `""` for none. */
  readonly subprotocol: string;
  /** The extensions that the server accepted (RFC 6455 9.1); `""` for none. */
  readonly extensions: string;
  /** Sends a message through the serializer, before all messages that the client has queued. */
  send(value: Sent, options?: MessageOptions): Promise<void>;
  /** Sends a message without the serializer. */
  sendRaw(data: RawData, options?: RawMessageOptions): Promise<void>;
  /** Sends a ping and resolves with its round-trip time in milliseconds. */
  ping(options?: PingOptions): Promise<number>;
  /**
   * Resolves with the next received message. The client does not deliver this message again. When `onConnection` has
   * finished, the client delivers all other messages in order.
   */
  recv<Matched extends Received>(options: NarrowingRecvOptions<Received, Matched>): Promise<Matched>;
  recv(options?: RecvOptions<Received>): Promise<Received>;
  /**
   * Aborted when the connection has ended, also long after `onConnection` has returned. `reason` is the error that
   * describes the end; its property `report` is the report of the connection.
   */
  readonly ended: AbortSignal;
}
