/**
 * Types of the options of `channels()`, `requests()` and of the calls of a feed. All types of this module are public. The
 * checks and the defaults are in `resolve-options.ts`.
 */
import type { Runtime, SetupConnection, WaitOptions, WebSocket } from "../index.js";
import type { ChannelError } from "./errors.js";

/** What a message acknowledges, if the name of a channel alone does not say it. */
export interface AckDetails {
  /** The id that `subscribe` received as its second argument. It stands for all channels of that message. */
  readonly id?: number | undefined;
  /** The name of the channel, or several names. Default: all channels of the message with the id `id`. */
  readonly channels?: string | readonly string[] | undefined;
  /**
   * Why the server refuses the channels, in any form. `undefined`, `null` and `false` mean that the server accepts the
   * channels.
   */
  readonly refused?: unknown;
}

/**
 * The result of `isAck`. `undefined`, `null` and `false`: the message is no acknowledgement. A name, or several names:
 * the server has accepted these channels. `true`: the server has accepted the channel that `channelOf` returns for the
 * message or, if `channelOf` returns none, all channels of the oldest subscribe message without an acknowledgement.
 */
export type Acknowledgement = boolean | string | readonly string[] | AckDetails | null | undefined;

/** A refused channel, as the function `onRefused` receives it. */
export interface Refusal {
  readonly channel: string;
  /** How many subscribes of the channel have failed in succession, including this one. */
  readonly attempt: number;
  /** The code is `"REFUSED"`, `"ACK_TIMEOUT"` or `"CHANNEL_FUNCTION_FAILED"`. */
  readonly error: ChannelError;
}

/**
 * What happens after a refusal. `"giveUp"` ends the channel with the error. `"retry"` subscribes again after a wait of
 * `backoff`. A number subscribes again after this number of milliseconds.
 */
export type RefusalDecision = "giveUp" | "retry" | number;

/** The buffer of one channel handle. */
export interface ChannelBufferOptions<Received> {
  /** Maximum number of messages. Default 1,000. */
  readonly capacity?: number | undefined;
  /**
   * Maximum total size of the messages in bytes, as they were received, after decompression. A single message always
   * fits. Default 4 MiB.
   */
  readonly maxBytes?: number | undefined;
  /**
   * What happens when the buffer is full:
   * - `"dropOldest"` (default) and `"dropNewest"` drop a message, count it and emit `dropped`.
   * - `"conflate"` replaces the waiting message that has the same key, also when the buffer is not full. If the buffer is
   *   full and no waiting message has this key, the oldest message is dropped.
   * - `"error"` ends the handle with a `BufferOverflowError`.
   *
   * Reading cannot be paused for one channel, because all channels share the connection.
   */
  readonly overflow?: "dropOldest" | "dropNewest" | "conflate" | "error" | undefined;
  /** Returns the key of a message. Required with `overflow: "conflate"`; an error otherwise. Default: none. */
  readonly keyOf?: ((message: Received) => unknown) | undefined;
}

/** Options of `open()`. */
export interface OpenOptions<Received> {
  /** The buffer of this handle: its capacity in messages, or an object. Default: the option `buffer` of the feed. */
  readonly buffer?: number | ChannelBufferOptions<Received> | undefined;
}

/** The argument of `shards.connect`. */
export interface ShardContext<Received, Sent> {
  /** Pass this function to the client as its option `onConnection`, or call it in the hook of the client. */
  readonly onConnection: (connection: SetupConnection<Received, Sent>, signal: AbortSignal) => Promise<void>;
  /** The number of the client, from 1. */
  readonly shard: number;
}

/** Several connections, for servers that limit the channels of a connection. */
export interface ShardOptions<Received, Sent> {
  /** Maximum number of channels per connection. */
  readonly maxPerConnection: number;
  /**
   * Creates the client of a further connection. The feed attaches the client, starts it with `run()`, and closes it at
   * the end. If the function fails, the feed reports the error and calls the function again after a wait of `backoff`.
   */
  readonly connect: (
    context: ShardContext<Received, Sent>,
  ) => WebSocket<unknown, never> | Promise<WebSocket<unknown, never>>;
}

/** The options of `requests()`, which `channels()` has as well. */
export interface RequestsOptions<Received> {
  /**
   * Returns the id of a message: of a request, and of its answer. Default: the property `id` of the message. Without this
   * option, a message of a channel is never an answer.
   */
  readonly idOf?: ((message: Received) => string | number | null | undefined) | undefined;
  /** Maximum number of pending requests. A further request rejects with a `BufferOverflowError`. Default 10,000. */
  readonly maxPending?: number | undefined;
  /** Milliseconds that a request waits for its answer, if the call has no `timeout`. Default 30,000. */
  readonly requestTimeout?: number | undefined;
}

/** The options of `channels()`. */
export interface ChannelsOptions<Received, Sent> extends RequestsOptions<Received> {
  /** Returns the name of the channel that a message belongs to; `null` or `undefined` if it belongs to none. */
  readonly channelOf: (message: Received) => string | null | undefined;
  /**
   * Returns the message that subscribes to channels. `names` contains 1 to `batch.size` names. `id` is unique in the
   * feed, for servers that repeat the id of a request in the acknowledgement.
   */
  readonly subscribe: (names: readonly string[], id: number) => Sent;
  /** Returns the message that unsubscribes from channels. See `subscribe`. */
  readonly unsubscribe: (names: readonly string[], id: number) => Sent;
  /**
   * Returns what a message acknowledges. An acknowledgement is not delivered to a channel. Default: the server sends no
   * acknowledgements, and a channel is ready when its subscribe message is accepted for sending.
   */
  readonly isAck?: ((message: Received) => Acknowledgement) | undefined;
  /**
   * How many names a message may contain, and for how many milliseconds names are collected: the number of names, or an
   * object. Default: 100 names, collected until the end of the tick.
   */
  readonly batch?:
    number | { readonly size?: number | undefined; readonly delay?: number | undefined } | undefined;
  /**
   * Maximum number of subscribe and unsubscribe messages per second on each connection, evenly spaced; above 0. Default:
   * no limit.
   */
  readonly rate?: number | undefined;
  /** Milliseconds to wait for an acknowledgement after the message was accepted for sending. Default 10,000. */
  readonly ackTimeout?: number | undefined;
  /**
   * What happens when the server refuses a channel, or does not acknowledge it within `ackTimeout`. A function may also
   * return a promise, which must settle within `ackTimeout`; otherwise the feed gives up. Default `"giveUp"`.
   */
  readonly onRefused?:
    "giveUp" | "retry" | ((refusal: Refusal) => RefusalDecision | Promise<RefusalDecision>) | undefined;
  /**
   * The wait before a retry in milliseconds: `base` for the first retry, doubled for each further one, at most `cap`. A
   * random part of up to a half is subtracted. Default: `base` 1,000, `cap` 60,000.
   */
  readonly backoff?: { readonly base?: number | undefined; readonly cap?: number | undefined } | undefined;
  /** The buffer of each handle: its capacity in messages, or an object. Default 1,000. */
  readonly buffer?: number | ChannelBufferOptions<Received> | undefined;
  /** Spreads the channels over several connections. Default: one connection, the client passed to `attach()`. */
  readonly shards?: ShardOptions<Received, Sent> | undefined;
  /** The clock and timers until the first client is attached. Default: `nodeRuntime`. */
  readonly runtime?: Runtime | undefined;
}

/** Options of `request()`. */
export interface RequestOptions<Received> extends WaitOptions {
  /** The id of the request. Its answer is the message with the same id. Default: what `idOf` returns for the request. */
  readonly id?: string | number | undefined;
  /** Returns `true` for the answer, for servers without ids. Messages that it accepts are delivered nowhere else. */
  readonly matches?: ((message: Received) => boolean) | undefined;
  /**
   * `true` declares that the server may process the request more than once. If its connection ends, the request is sent
   * again on the next connection, and a request without a connection waits for one. Default `false`.
   */
  readonly retry?: boolean | undefined;
}
