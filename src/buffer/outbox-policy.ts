// The options, the handler and the result type of the outbox. This module contains only types.
import type { JetSocketError } from "../errors.js";
import type { MessageId } from "./outbox-entry.js";

/** The limits of an outbox, its overflow policy, and its functions for acknowledgements. */
export interface OutboxPolicy<Sent, Received> {
  /** Maximum number of messages. */
  readonly capacity: number;
  /**
   * Maximum number of bytes in the outbox. The bytes of the messages count, and also the part of their additional
   * memory that exceeds `freeOverhead`. One message always fits, whatever its size.
   */
  readonly maxBytes: number;
  /** Bytes of additional memory that the outbox does not count. Default 16 MiB. */
  readonly freeOverhead?: number | undefined;
  /**
   * Time to live in milliseconds: the time after the call of `send()` during which a message may be sent. `undefined`:
   * no limit.
   */
  readonly ttl: number | undefined;
  /**
   * If the outbox is full, `"error"` refuses the new message and `"dropOldest"` drops the oldest message. With
   * `"conflate"`, a message always replaces the waiting message with the same key. If no message with the key waits and
   * the outbox is full, the oldest message is dropped.
   */
  readonly overflow: "error" | "dropOldest" | "conflate";
  /** Maximum number of messages that leave the outbox in any period of one second. `undefined`: no limit. */
  readonly perSecond: number | undefined;
  /**
   * Returns the key that `"conflate"` compares. A message without a key is never replaced, and no later message is sent
   * before it.
   */
  readonly keyOf: ((sent: Sent) => unknown) | undefined;
  /** Returns the id of a message. A message without an id is sent at most once. */
  readonly idOf: ((sent: Sent) => MessageId | null | undefined) | undefined;
  /** Returns the ids that a received message acknowledges. `undefined`: each message is sent at most once. */
  readonly acknowledges:
    ((received: Received) => MessageId | readonly MessageId[] | null | undefined) | undefined;
}

/** The reason why an accepted message is not delivered. */
export type OutboxDropCause = "overflow" | "expired" | "unsent" | "closed";

export interface OutboxHandler<Message> {
  /**
   * `false` after the client has ended. A function or a listener of the application may end the client during a send.
   */
  isAccepting(): boolean;
  /**
   * The outbox has dropped an accepted message: the message is not sent, or not sent again. This callback may call the
   * outbox.
   */
  onDropped(message: Message, cause: OutboxDropCause): void;
  /** A function of the application threw or returned an invalid value. No message is lost because of this error. */
  onError(error: JetSocketError): void;
}

/**
 * What the caller must do with a message.
 * - `write`: write the message now.
 * - `queued`: nothing.
 * - `dropped`: nothing; the drop was reported.
 * - `refused`: report to the application that the message is refused.
 * - `ended`: refuse the message, because the client has ended during the call.
 */
export type OutboxDecision = "write" | "queued" | "dropped" | "refused" | "ended";
