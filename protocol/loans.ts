// Tracks messages that are lent to handlers, so that they stay correct while the handlers let other connections
// receive. It does not allocate the shared memory.
import { JetSocketError } from "./errors.js";

/** A message that is lent to a handler as a view of memory that all connections share. */
export interface Loan {
  readonly bytes: Buffer;
  /** A copy of the message, created when the memory was needed for another message. */
  copy: Buffer | undefined;
  readonly outer: Loan | undefined;
}

/** A call of `receive` that has not returned. Its bytes from `start` to `end` belong to its caller. */
export interface ActiveRead {
  bytes: Buffer;
  start: number;
  end: number;
  /** Whether another connection received bytes in the same memory. */
  isOverwritten: boolean;
  outer: ActiveRead | undefined;
}

/**
 * The lent messages and the calls of `receive` that have not ended, as two stacks.
 *
 * A handler can first let another connection receive and then decline its own message, which must still be intact. For
 * this reason the active loans are copied before the shared memory is used again. Without nested calls, nothing is
 * copied.
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

  /** Copies the lent messages. Must be called before shared memory is overwritten. */
  copyActiveLoans(): void {
    // If a loan was copied already, the loans around it were copied too.
    for (let loan = this.#innermost; loan !== undefined && loan.copy === undefined; loan = loan.outer)
      loan.copy = Buffer.from(loan.bytes);
  }

  /** Registers a call of `receive` that starts to parse. {@link endRead} ends it. */
  beginRead(read: ActiveRead): void {
    const outer = this.#read;
    this.#read = read;
    if (outer === undefined) return;
    read.outer = outer;
    this.#markOverwritten(outer, read.bytes, read.start, read.end);
  }

  /** Must be called if `receive` does not parse its bytes: they may have overwritten those of a call in progress. */
  onUnparsed(bytes: Buffer, start: number, end: number): void {
    this.#markOverwritten(this.#read, bytes, start, end);
  }

  #markOverwritten(from: ActiveRead | undefined, bytes: Buffer, start: number, end: number): void {
    for (let active = from; active !== undefined; active = active.outer)
      if (overlaps(active, bytes, start, end)) active.isOverwritten = true;
  }

  endRead(read: ActiveRead): void {
    this.#read = read.outer;
    read.outer = undefined;
    read.isOverwritten = false;
  }

  /**
   * Must be called when a handler declines a message that was lent from the bytes of the current call of `receive`.
   * @throws JetSocketError (`LENT_MESSAGE_OVERWRITTEN`) if another connection received into the same memory.
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
