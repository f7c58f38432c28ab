import { JetSocketError } from "./errors.js";

/** A message that is lent to a handler out of memory that all connections share. */
export interface Loan {
  readonly bytes: Buffer;
  /** A copy, from when the memory was needed for another message. */
  copy: Buffer | undefined;
  readonly outer: Loan | undefined;
}

/** A call of `receive` that has not returned: the bytes from `start` to `end` belong to its caller. */
export interface ActiveRead {
  bytes: Buffer;
  start: number;
  end: number;
  /** Another connection received bytes that lie in the same place. */
  isOverwritten: boolean;
  outer: ActiveRead | undefined;
}

/**
 * Keeps lent messages correct while their handlers let other connections receive. A handler may decline a lent message
 * only after that, and the message must still be its own: before shared memory is used again, the lent messages in it
 * are copied. In the usual case, in which no call is nested, nothing is copied.
 */
export class Loans {
  #innermost: Loan | undefined;
  #read: ActiveRead | undefined;

  /** Lends `bytes`, which lie in shared memory, until {@link end}. */
  begin(bytes: Buffer): Loan {
    const loan = { bytes, copy: undefined, outer: this.#innermost };
    this.#innermost = loan;
    return loan;
  }

  end(loan: Loan): void {
    this.#innermost = loan.outer;
  }

  /** To be called before shared memory is written to. */
  copyActiveLoans(): void {
    // Where a loan was rescued, those around it were too.
    for (let loan = this.#innermost; loan !== undefined && loan.copy === undefined; loan = loan.outer)
      loan.copy = Buffer.from(loan.bytes);
  }

  /** A call of `receive` begins to parse. It ends by {@link endRead}. */
  beginRead(read: ActiveRead): void {
    const outer = this.#read;
    this.#read = read;
    if (outer === undefined) return;
    read.outer = outer;
    for (let each: ActiveRead | undefined = outer; each !== undefined; each = each.outer)
      if (overlaps(each, read)) each.isOverwritten = true;
  }

  endRead(read: ActiveRead): void {
    this.#read = read.outer;
    read.outer = undefined;
    read.isOverwritten = false;
  }

  /**
   * A message was declined that was lent out of the bytes of the current call of `receive`.
   * @throws JetSocketError (`LENT_MESSAGE_OVERWRITTEN`) where another connection has received into the same memory.
   */
  checkRead(): void {
    if (this.#read?.isOverwritten !== true) return;
    throw new JetSocketError(
      "A lent message was declined after its handler let another connection receive into the same memory, so that " +
        "the message is lost. Use memory of its own for a receive() inside a handler, or copy the message first.",
      { code: "LENT_MESSAGE_OVERWRITTEN" },
    );
  }
}

function overlaps(one: ActiveRead, other: ActiveRead): boolean {
  if (one.bytes.buffer !== other.bytes.buffer) return false;
  const [oneAt, otherAt] = [one.bytes.byteOffset, other.bytes.byteOffset];
  return oneAt + one.start < otherAt + other.end && otherAt + other.start < oneAt + one.end;
}
