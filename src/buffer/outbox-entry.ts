// A message on its way through the outbox. The entry stores state only: Outbox and UnackedMessages change it.

/** Identifies a message when it is sent and when it is acknowledged. */
export type MessageId = string | number | bigint;

/**
 * The state of an entry.
 * - `untracked`: with its caller or with the writer; the outbox has no reference to it.
 * - `unsent`: queued, not sent yet.
 * - `inFlight`: passed to the writer, not acknowledged.
 * - `resend`: not acknowledged and queued again.
 * - `settled`: acknowledged, dropped, refused or withdrawn.
 */
export type OutboxEntryState = "untracked" | "unsent" | "inFlight" | "resend" | "settled";

/** The owner creates the entry and reads `message`, `receipt` and `expiresAt`. The outbox sets all other members. */
export class OutboxEntry<Message> {
  readonly message: Message;
  readonly size: number;
  readonly overhead: number;
  state: OutboxEntryState = "untracked";
  id: MessageId | undefined = undefined;
  /**
   * Set when the message has an id: whether the peer acknowledged it, or the outbox gave it up without an
   * acknowledgement.
   */
  receipt: { isAcknowledged: boolean; isGivenUp: boolean } | undefined = undefined;
  key: unknown = undefined;
  /**
   * Time in milliseconds at which the time to live ends, counted from the call of `send()`. Infinity while it is
   * unknown, or if there is no time to live.
   */
  expiresAt: number = Infinity;
  /** True if the message was passed to more than one connection. */
  isResent: boolean = false;
  previous: OutboxEntry<Message> | undefined = undefined;
  next: OutboxEntry<Message> | undefined = undefined;

  /**
   * @param message - Stored without a copy: the caller must copy bytes that it may overwrite later.
   * @param size - Size of the message in bytes.
   * @param overhead - Additional memory in bytes.
   */
  constructor(message: Message, size: number, overhead: number = 0) {
    this.message = message;
    this.size = size;
    this.overhead = overhead;
  }
}
