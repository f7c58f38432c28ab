import type { CloseReport } from "./close-report.js";

/** The states of a client; `closed` is final, `failed` ends a life that `connect()` may follow with another. */
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

/** What was taken and will not be delivered, and why. */
export interface DroppedEvent {
  readonly direction: "in" | "out";
  /** The message as it was taken: the value received, or what would have gone on the wire. */
  readonly message: unknown;
  readonly cause: "overflow" | "expired" | "unsent" | "decode" | "closed";
}

/** A `rawMessage` for a handler with the option `borrowed`. */
export interface BorrowedMessage {
  /** The bytes of the message, lent until the handler returns; those of a text are known to be UTF-8. `Buffer.from(data)` keeps them. */
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** Every event by its name. An event is a fresh object and safe to keep. Urls show no credentials. */
export interface EventMap<Received> {
  /** An attempt begins; the first is attempt 1. */
  connecting: { readonly url: string; readonly attempt: number };
  /** The first connection of a life is open and set up; no message comes before this. */
  connected: { readonly url: string; readonly subprotocol: string; readonly extensions: string };
  /** Each later one, after so many attempts and milliseconds without a connection. */
  reconnected: {
    readonly url: string;
    readonly subprotocol: string;
    readonly extensions: string;
    readonly attempt: number;
    readonly downtimeMs: number;
  };
  /** An open connection has ended. */
  disconnected: { readonly report: CloseReport };
  /** The wait before an attempt begins; `report` is the end that came before. */
  reconnecting: { readonly attempt: number; readonly delayMs: number; readonly report: CloseReport };
  /** A message, by the deserializer. */
  message: { readonly data: Received };
  /** A message as it came: a string for text, a Buffer for binary. */
  rawMessage: { readonly data: string | Buffer; readonly isBinary: boolean };
  /** Something failed; with `isFatal` it has ended the client's life, and `closed` follows. */
  error: { readonly error: Error; readonly isFatal: boolean };
  stateChange: { readonly from: State; readonly to: State };
  ping: { readonly payload: Buffer };
  /** `latencyMs` is known where the pong answers a ping of ours. */
  pong: { readonly payload: Buffer; readonly latencyMs: number | undefined };
  /** A Close frame goes or has come. */
  closing: { readonly code: number; readonly reason: string; readonly initiatedBy: "us" | "peer" };
  /** The end of a life: once, and the last event of it. */
  closed: { readonly report: CloseReport };
  /** Messages are missing from a stream before `received`; `expected` is known where sequence numbers count by one. */
  gap: {
    readonly stream: string;
    readonly expected: number | undefined;
    readonly received: number | string;
  };
  /** What was missing from a stream has been delivered, so many messages. */
  recovered: { readonly stream: string; readonly count: number };
  /** A stream goes on without what is missing, or its numbering begins anew. */
  reset: { readonly stream: string };
  /** The connection was replaced, with both open for so long, and so many doubles removed. */
  rotated: { readonly overlapMs: number; readonly duplicates: number };
  /** Back-pressure of our own has stopped the reading. */
  paused: object;
  resumed: object;
  /** What waits to be sent has fallen to `lowWaterMark` after it was above `highWaterMark`. */
  drain: object;
  dropped: DroppedEvent;
}

export type EventName = keyof EventMap<unknown>;
export type Listener<Event> = (event: Event) => unknown;
