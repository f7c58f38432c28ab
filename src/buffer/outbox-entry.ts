// A message on its way through the outbox. An entry only stores state. Outbox and UnackedMessages change this state.

/** The id of a sent message. An acknowledgement contains the same id. */
export type MessageId = string | number | bigint;

/**
 * The state of an entry of the outbox.
 * - `untracked`: only the caller or the writer has a reference to the entry. The outbox has none.
 * - `unsent`: queued, not sent yet.
 * - `inFlight`: passed to the writer and not acknowledged.
 * - `resend`: not acknowledged and queued again.
 * - `settled`: acknowledged, dropped, refused or withdrawn.
 */
export type OutboxEntryState = "untracked" | "unsent" | "inFlight" | "resend" | "settled";

/**
 * The sender of a message creates its entry, and reads `message`, `receipt` and `expiresAt`. The outbox changes all
 * other members.
 */
export class OutboxEntry<Message> {
  readonly message: Message;
  readonly size: number;
  readonly overhead: number;
  state: OutboxEntryState = "untracked";
  id: MessageId | undefined = undefined;
  /**
   * Shows whether the message was acknowledged, and whether the outbox removed the message without an acknowledgement.
   * `undefined` for a message without an id.
   */
  receipt: { isAcknowledged: boolean; isGivenUp: boolean } | undefined = undefined;
  key: unknown = undefined;
  /** Time in milliseconds at which the time to live ends. Infinity: the time is not known yet, or there is no limit. */
  expiresAt: number = Infinity;
  /** True if the message was passed to more than one connection. */
  isResent: boolean = false;
  previous: OutboxEntry<Message> | undefined = undefined;
  next: OutboxEntry<Message> | undefined = undefined;

  /**
   * @param message - Stored without a copy. The caller must copy bytes that may be overwritten later.
   * @param size - Size of the message in bytes.
   * @param overhead - Additional memory in bytes.
   */
  constructor(message: Message, size: number, overhead: number = 0) {
    this.message = message;
    this.size = size;
    this.overhead = overhead;
  }
}
