/** What tells one message from another, on its way out and in its acknowledgement. */
export type MessageId = string | number | bigint;

/**
 * Where an entry is: `outside`, with its caller or with the writer and not remembered; `unsent`, in line; `inFlight`,
 * given to the writer and not acknowledged; `resend`, not acknowledged and in line again; `settled`, done with.
 */
export type OutboxEntryState = "untracked" | "unsent" | "inFlight" | "resend" | "settled";

/** A message on its way through the outbox. Its owner makes it and reads `message`; the rest is the outbox's. */
export class OutboxEntry<Message> {
  readonly message: Message;
  readonly size: number;
  readonly overhead: number;
  state: OutboxEntryState = "untracked";
  id: MessageId | undefined = undefined;
  /** There once the message has an id: whether the peer has acknowledged it, or it is given up without that. */
  receipt: { isAcknowledged: boolean; isGivenUp: boolean } | undefined = undefined;
  key: unknown = undefined;
  /** When its time to live ends, counted from the call of `send()`. Infinity until that is known, or without one. */
  expiresAt: number = Infinity;
  /** It was given to more than one connection. */
  isResent: boolean = false;
  previous: OutboxEntry<Message> | undefined = undefined;
  next: OutboxEntry<Message> | undefined = undefined;

  /**
   * @param message - Kept as it is: bytes that the caller may use again are copied before.
   * @param size - Its bytes.
   * @param overhead - Bytes of memory that it takes besides.
   */
  constructor(message: Message, size: number, overhead: number = 0) {
    this.message = message;
    this.size = size;
    this.overhead = overhead;
  }
}
