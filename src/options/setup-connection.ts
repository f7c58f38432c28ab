import type { WaitOptions } from "../runtime/wait.js";

/** What `sendRaw()` takes. */
export type RawData = string | Uint8Array | ArrayBufferView | ArrayBuffer | SharedArrayBuffer | Blob;

/** Options of `send()` on a {@link SetupConnection}. */
export interface SetupSendOptions extends WaitOptions {
  /** Compresses this message or not, whatever its size. Default: by `compressionThreshold`. */
  readonly compress?: boolean | undefined;
}

/** Options of `sendRaw()` on a {@link SetupConnection}. */
export interface SetupRawOptions extends SetupSendOptions {
  /** Sends a binary or a text message. Default: text for a string, binary for all else. */
  readonly binary?: boolean | undefined;
}

/** Options of `ping()` on a {@link SetupConnection}. */
export interface SetupPingOptions extends WaitOptions {
  /** At most 125 bytes (RFC 6455 5.5). Default: bytes that no other ping has. */
  readonly payload?: Uint8Array | undefined;
}

/** Options of `recv()`. */
export interface RecvOptions<Received> extends WaitOptions {
  /** Takes the first message for which this is `true`; the others keep their place. Default: the first of all. */
  readonly match?: ((message: Received) => boolean) | undefined;
}

/** Options of `recv()` with a type predicate, which narrows the result. */
export interface NarrowingRecvOptions<Received, Matched extends Received> extends WaitOptions {
  /** Takes the first message of the type `Matched`; the others keep their place. */
  readonly match: (message: Received) => message is Matched;
}

/** Options of `recv()` on a {@link SetupConnection}. */
export type SetupRecvOptions<Received> = RecvOptions<Received>;

/** What `onConnection` and `onReplay` work on: one connection, past the outbox and the inbox of the client. */
export interface SetupConnection<Received, Sent> {
  /** Where it leads, without credentials. */
  readonly url: string;
  /** What the server chose (RFC 6455 1.9); `""` for none. */
  readonly subprotocol: string;
  /** What the server agreed to (RFC 6455 9.1); `""` for none. */
  readonly extensions: string;
  /** Sends a message through the serializer, before all that the client has queued. */
  send(value: Sent, options?: SetupSendOptions): Promise<void>;
  /** Sends a message as it is. */
  sendRaw(data: RawData, options?: SetupRawOptions): Promise<void>;
  /** The round trip in milliseconds of a ping of its own. */
  ping(options?: SetupPingOptions): Promise<number>;
  /** The next message, which the client then does not get. What no call takes goes to the client afterwards, in order. */
  recv<Matched extends Received>(options: NarrowingRecvOptions<Received, Matched>): Promise<Matched>;
  recv(options?: SetupRecvOptions<Received>): Promise<Received>;
}
