// The options, the handler and the result type of the outbox. This module contains types only.
import type { JetSocketError } from "../errors.js";
import type { MessageId } from "./outbox-entry.js";

/** The limits of an outbox, what happens when they are reached, and how messages are acknowledged. */
export interface OutboxPolicy<Sent, Received> {
  /** Maximum number of messages. */
  readonly capacity: number;
  /** Maximum bytes of the messages, plus their additional memory beyond `freeOverhead`. One message always fits. */
  readonly maxBytes: number;
  /** Additional memory in bytes that is not counted. Default 16 MiB. */
  readonly freeOverhead?: number | undefined;
  /**
   * Time in milliseconds, counted from the call of `send()`, during which a message may be sent. `undefined`: no limit.
   */
  readonly ttl: number | undefined;
  /**
   * `"error"` refuses the newest message, `"dropOldest"` drops the oldest. With `"conflate"`, a message replaces the
   * waiting message with the same key, even if the limits are not reached. If no such message waits, the oldest message
   * is dropped when the outbox is full.
   */
  readonly overflow: "error" | "dropOldest" | "conflate";
  /** Maximum number of messages that leave the outbox in any period of one second. `undefined`: no limit. */
  readonly perSecond: number | undefined;
  /**
   * Returns the key that `"conflate"` compares. A message without a key is not replaced, and no later message overtakes
   * it.
   */
  readonly keyOf: ((sent: Sent) => unknown) | undefined;
  /** How messages are acknowledged. Without it, each message is sent at most once. */
  readonly acknowledgement: Acknowledgement<Sent, Received> | undefined;
}

export interface Acknowledgement<Sent, Received> {
  /** Returns the id of a message. A message without an id is sent at most once. */
  readonly idOf: (sent: Sent) => MessageId | null | undefined;
  /** Returns the ids that a received message acknowledges. */
  readonly acknowledges: (received: Received) => MessageId | readonly MessageId[] | null | undefined;
}

/** Why an accepted message is not delivered. */
export type OutboxDropCause = "overflow" | "expired" | "unsent" | "closed";

export interface OutboxHandler<Message> {
  /**
   * `false` after the client has ended. A function of the application, or a listener of an error that it throws, may end
   * the client during a send.
   */
  isAccepting(): boolean;
  /**
   * An accepted message is not sent, or not sent again. Called once for each such message. The callback may call the
   * outbox.
   */
  onDropped(message: Message, cause: OutboxDropCause): void;
  /** A function of the application threw or returned an invalid value. No message is lost because of it. */
  onError(error: JetSocketError): void;
}

/**
 * What the caller must do with a message: `write` it now; nothing, because it is `queued`, or because it was `dropped`
 * and the drop was reported; report to its caller that it is `refused`; or refuse it, because the client has `ended`
 * during the call.
 */
export type OutboxDecision = "write" | "queued" | "dropped" | "refused" | "ended";
