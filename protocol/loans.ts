// Tracks the messages that are lent to handlers. A lent message stays intact, even if its handler lets another
// connection receive. This module does not allocate the shared memory.
import { JetSocketError } from "./errors.js";

/** A message that is lent to a handler. It is a view of memory that all connections share. */
export interface Loan {
  readonly bytes: Buffer;
  /** A copy of the message. It is created when another message needs the shared memory. */
  copy: Buffer | undefined;
  readonly outer: Loan | undefined;
}

/** A call of `receive` that has not returned. The bytes from `start` to `end` belong to the caller of `receive`. */
export interface ActiveRead {
  bytes: Buffer;
  start: number;
  end: number;
  /** Whether another connection has received bytes into the same memory. */
  isOverwritten: boolean;
  outer: ActiveRead | undefined;
}

/**
 * Two stacks: the lent messages, and the calls of `receive` that have not returned.
 *
 * A handler may let another connection receive, and decline its own message afterwards. The declined message must still
 * be intact. For this reason, all lent messages are copied before the shared memory is used again. Without nested calls
 * of `receive`, no message is copied.
 */
export class Loans {
  #innermost: Loan | undefined;
  #read: ActiveRead | undefined;

  /** Registers `bytes`, a view of shared memory, as lent until {@link end} is called. */
  begin(bytes: Buffer): Loan {
    const loan = { bytes, copy: undefined, outer: this.#innermost };
    this.#innermost = loan;
    return loan;
  }

  end(loan: Loan): void {
    this.#innermost = loan.outer;
  }

  /** Copies the lent messages that are not copied yet. Must be called before shared memory is overwritten. */
  copyActiveLoans(): void {
    // If a loan is already copied, all outer loans are copied, too.
    for (let loan = this.#innermost; loan !== undefined && loan.copy === undefined; loan = loan.outer)
      loan.copy = Buffer.from(loan.bytes);
  }

  /** Registers a call of `receive` that starts to parse. {@link endRead} ends it. */
  beginRead(read: ActiveRead): void {
    if (this.#read !== undefined) this.markOverwritten(read.bytes, read.start, read.end);
    read.outer = this.#read;
    this.#read = read;
  }

  /**
   * Marks the active calls of `receive` whose bytes are overwritten by the given bytes. Must also be called if these
   * bytes will not be parsed.
   */
  markOverwritten(bytes: Buffer, start: number, end: number): void {
    for (let active = this.#read; active !== undefined; active = active.outer)
      if (overlaps(active, bytes, start, end)) active.isOverwritten = true;
  }

  endRead(read: ActiveRead): void {
    this.#read = read.outer;
    read.outer = undefined;
    read.isOverwritten = false;
  }

  /**
   * Must be called when a handler declines a message that is a view of the bytes of the current call of `receive`.
   * @throws JetSocketError (`LENT_MESSAGE_OVERWRITTEN`) if another connection has received into the same memory.
   */
  checkRead(): void {
    if (this.#read?.isOverwritten !== true) return;
    throw new JetSocketError(
      "A handler declined a lent message after another connection had received bytes into the same memory. " +
        "The message is lost. Call receive() inside a handler only with separate memory, or copy the message first.",
      { code: "LENT_MESSAGE_OVERWRITTEN" },
    );
  }
}

function overlaps(active: ActiveRead, bytes: Buffer, start: number, end: number): boolean {
  if (active.bytes.buffer !== bytes.buffer || start === end) return false;
  const [activeAt, at] = [active.bytes.byteOffset, bytes.byteOffset];
  return activeAt + active.start < at + end && at + start < activeAt + active.end;
}
