// Removes messages from the inbox for readers. It does not receive messages and does not pause or resume reading.
import type { Inbox } from "../../buffer/inbox.js";
import type { ReadingEnd } from "./reader.js";
import type { ReaderQueue } from "./reader-queue.js";
import type { Decoder } from "./decoder.js";
import type { ReceivedMessage } from "./received-message.js";

export interface InboxReaderHost {
  readonly inbox: Inbox<ReceivedMessage>;
  readonly decoder: Decoder;
  /** A search in the inbox has ended. @param entry - The removed message; `undefined` if no message was found. */
  onTaken(entry: ReceivedMessage | undefined): void;
  /** Ends all waiting readers if the client has ended. */
  endReaders(): void;
}

/**
 * Removes messages from the inbox, one operation at a time. A listener or a `match` function may start another reader
 * during an operation. The new reader waits until the operation is finished. Therefore readers receive messages in the
 * order of their calls.
 */
export class InboxReader {
  readonly #readers: ReaderQueue;
  readonly #host: InboxReaderHost;
  #isActive = false;

  constructor(readers: ReaderQueue, host: InboxReaderHost) {
    this.#readers = readers;
    this.#host = host;
  }

  /**
   * Must be called for a reader that found no message. Returns `end`, which ends the reader. Returns `undefined` if an
   * earlier reader is still taking messages, so that the new reader waits.
   */
  endFor(end: ReadingEnd | undefined): ReadingEnd | undefined {
    return this.#isActive ? undefined : end;
  }

  /** Removes the oldest message. The first call activates the overflow policy of the inbox. */
  next(): ReceivedMessage | undefined {
    if (this.#isActive) return undefined;
    const addedBefore = this.#begin();
    const entry = this.#takeNext();
    this.#end(addedBefore);
    return entry;
  }

  /** Removes all messages. */
  all(): { readonly value: readonly unknown[] } | undefined {
    return this.#run(() => {
      const value: unknown[] = [];
      for (let entry = this.#takeNext(); entry !== undefined; entry = this.#takeNext())
        value.push(entry.value);
      return value.length === 0 ? undefined : { value };
    });
  }

  /** Removes the first message that `match` accepts. @throws any error of `match`. */
  matching(match: (message: unknown) => boolean): ReceivedMessage | undefined {
    return this.#run(() => {
      this.#host.inbox.beginReading();
      const entry = this.#takeMatching(match);
      this.#host.onTaken(entry);
      return entry;
    });
  }

  #takeMatching(match: (message: unknown) => boolean): ReceivedMessage | undefined {
    const { inbox, decoder } = this.#host;
    for (const entry of inbox) {
      const isDecoded = decoder.complete(entry);
      if (isDecoded && !match(entry.value)) continue;
      if (inbox.remove(entry) && isDecoded) return entry;
    }
    return undefined;
  }

  #run<Result>(take: () => Result | undefined): Result | undefined {
    if (this.#isActive) return undefined;
    const addedBefore = this.#begin();
    try {
      return take();
    } finally {
      this.#end(addedBefore);
    }
  }

  #begin(): number {
    this.#isActive = true;
    return this.#readers.addedCount;
  }

  #end(addedBefore: number): void {
    this.#isActive = false;
    if (this.#readers.addedCount !== addedBefore) this.deliverToReaders();
  }

  #takeNext(): ReceivedMessage | undefined {
    const { inbox, decoder } = this.#host;
    inbox.beginReading();
    let entry = inbox.shift();
    while (entry !== undefined && !decoder.complete(entry)) entry = inbox.shift();
    this.#host.onTaken(entry);
    return entry;
  }

  /**
   * Passes messages of the inbox to readers that were added during an operation on the inbox. If the client has ended,
   * the remaining readers are ended.
   */
  deliverToReaders(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    const { inbox, decoder } = this.#host;
    inbox.beginReading();
    for (const entry of inbox) {
      if (this.#readers.length === 0) break;
      if (!decoder.complete(entry)) {
        inbox.remove(entry);
        continue;
      }
      const reader = this.#readers.take(entry.value);
      if (reader === undefined) continue;
      inbox.remove(entry);
      reader.resolve(entry.value);
      this.#host.onTaken(entry);
    }
    this.#isActive = false;
    this.#host.endReaders();
  }
}
