import type { JetSocketError } from "../errors.js";
import type { MessageId } from "./outbox-entry.js";

/** The bounds of an outbox, what happens where they are met, and how a message is known again. */
export interface OutboxPolicy<Sent, Received> {
  /** Messages. */
  readonly capacity: number;
  /** Bytes of messages, and of the memory that they take besides beyond `freeOverhead`; one message always fits. */
  readonly maxBytes: number;
  /** So many bytes of memory that messages take besides their own bytes are not counted. Default 16 MiB. */
  readonly freeOverhead?: number | undefined;
  /** Milliseconds from the call of `send()` during which a message may be sent; `undefined` is without end. */
  readonly ttl: number | undefined;
  /**
   * `"error"` refuses the newest, `"dropOldest"` drops the oldest. With `"conflate"` a message takes the place of the
   * one of its key that still waits, bounds met or not; where there is none, the oldest is dropped.
   */
  readonly overflow: "error" | "dropOldest" | "conflate";
  /** How many may leave the outbox in any second; `undefined` is without bound. */
  readonly perSecond: number | undefined;
  /** The key by which `"conflate"` goes. A message without one is neither replaced nor overtaken. */
  readonly keyOf: ((sent: Sent) => unknown) | undefined;
  /** How a message is acknowledged; without this each is sent at most once. */
  readonly acknowledgement: Acknowledgement<Sent, Received> | undefined;
}

export interface Acknowledgement<Sent, Received> {
  /** A message without an id is sent at most once. */
  readonly idOf: (sent: Sent) => MessageId | null | undefined;
  /** The ids that a received message acknowledges. */
  readonly acknowledges: (received: Received) => MessageId | readonly MessageId[] | null | undefined;
}

/** Why a message that was taken is not delivered. */
export type OutboxDropCause = "overflow" | "expired" | "unsent" | "closed";

export interface OutboxHandler<Message> {
  /** A message that was taken is not sent, or not sent again. Once for each; the outbox may be used from inside. */
  onDropped(message: Message, cause: OutboxDropCause): void;
  /** A function of the user's threw, or gave what cannot be used; no message is lost by it. */
  onError(error: JetSocketError): void;
}

/**
 * What is to be done with a message: `write` it now; or it is `queued`; or it was `dropped` and is told; or it is
 * `refused`, and its caller is to be told.
 */
export type OutboxDecision = "write" | "queued" | "dropped" | "refused";
