/**
 * Types of the events and states of a client. This module does not contain the code that emits them.
 */
import type { TlsDetails } from "./tls-details.js";
import type { CloseReport } from "./close-report.js";

/** The states of a client. `closed` is final; after `failed`, `connect()` may start the client again. */
export type State =
  | "idle"
  | "connecting"
  | "connected"
  | "disconnecting"
  | "disconnected"
  | "reconnecting"
  | "backingOff"
  | "failed"
  | "closed";

/** A message that was accepted but will not be delivered, and the cause. */
export interface DroppedEvent {
  readonly direction: "in" | "out";
  /** For `"in"`, the received value. For `"out"`, the message that was passed to `send()`, after the serializer. */
  readonly message: unknown;
  /**
   * `"overflow"`: a buffer was full. `"expired"`: `outbox.ttl` passed. `"unsent"`: the connection ended before the
   * message was sent. `"decode"`: the deserializer failed. `"schema"`: the message does not match the option
   * `schema`, or the schema failed. `"closed"`: the client ended before the message was
   * delivered.
   */
  readonly cause: "overflow" | "expired" | "unsent" | "decode" | "schema" | "closed";
}

/** The event `rawMessage` for a listener with the option `borrowed`. */
export interface BorrowedMessage {
  /**
   * The bytes of the message. They are valid until the listener returns; `Buffer.from(data)` creates a copy to keep.
   * The bytes of a text message are valid UTF-8.
   */
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/**
 * The event objects, by event name. Each event is a new object. A listener may keep the object, except a {@link
 * BorrowedMessage}. URLs do not contain credentials.
 */
export interface EventMap<Received> {
  /** An attempt to connect starts. The first attempt has the number 1. */
  connecting: { readonly url: string; readonly attempt: number };
  /**
   * The first connection after `connect()` or `run()` is open, and `onConnection` is done. Messages are emitted after
   * this event.
   */
  connected: {
    readonly url: string;
    readonly subprotocol: string;
    readonly extensions: string;
    /** `undefined` without TLS, and with `createConnection`. */
    readonly tls: TlsDetails | undefined;
  };
  /** The client is connected again, after `attempt` attempts and `downtimeMs` milliseconds without a connection. */
  reconnected: {
    readonly url: string;
    readonly subprotocol: string;
    readonly extensions: string;
    readonly tls: TlsDetails | undefined;
    readonly attempt: number;
    readonly downtimeMs: number;
  };
  /** An open connection ended. */
  disconnected: { readonly report: CloseReport };
  /** The client waits `delayMs` milliseconds before the next attempt. `report` describes the preceding failure. */
  reconnecting: { readonly attempt: number; readonly delayMs: number; readonly report: CloseReport };
  /**
   * A message was received. `data` is the result of the deserializer. `size` is the size of the payload in bytes, after
   * decompression; 0 if `onReplay` returned the value.
   */
  message: { readonly data: Received; readonly size: number };
  /** A message was received. The deserializer is not applied: `data` is a string for text and a Buffer for binary. */
  rawMessage: { readonly data: string | Buffer; readonly isBinary: boolean };
  /** Something failed. If `isFatal` is `true`, the client ends and `closed` follows. */
  error: { readonly error: Error; readonly isFatal: boolean };
  /** The state of the client changed. */
  stateChange: { readonly from: State; readonly to: State };
  /** A ping was received. */
  ping: { readonly payload: Buffer };
  /** A pong was received; `latencyMs` is set if the pong answers a ping of this client. */
  pong: { readonly payload: Buffer; readonly latencyMs: number | undefined };
  /** The peer has violated the protocol, and the client is about to fail the connection. A listener can still send. */
  failing: object;
  /**
   * The first Close frame was sent (`"us"`) or received (`"peer"`). Secrets in `reason` are hidden; `unmasked(event)` has
   * the reason as it was received.
   */
  closing: { readonly code: number; readonly reason: string; readonly initiatedBy: "us" | "peer" };
  /** The client ended. This event is emitted once after each start by `connect()` or `run()`, as the last event. */
  closed: { readonly report: CloseReport };
  /** Messages of a stream are missing before `received`. `expected` is set if sequence numbers increase by one. */
  gap: {
    readonly stream: string;
    readonly expected: number | undefined;
    readonly received: number | string;
  };
  /** The missing messages of a stream were delivered; `count` is their number. */
  recovered: { readonly stream: string; readonly count: number };
  /** A stream continues without its missing messages, or its numbering starts again. */
  reset: { readonly stream: string };
  /**
   * The connection was replaced. Both connections were open for `overlapMs` milliseconds; `duplicates` is the number of
   * duplicate messages that were removed.
   */
  rotated: { readonly overlapMs: number; readonly duplicates: number };
  /** The client stopped reading from the socket, because received messages were not consumed. */
  paused: object;
  /** The client reads from the socket again. */
  resumed: object;
  /** The number of bytes that wait to be sent has fallen to `lowWaterMark`, after it was above `highWaterMark`. */
  drain: object;
  /** A message was discarded. */
  dropped: DroppedEvent;
}

export type EventName = keyof EventMap<unknown>;
export type Listener<Event> = (event: Event) => unknown;
