// Removes messages from the inbox for readers. It does not receive messages and does not pause or resume reading.
import type { Inbox } from "../../buffer/inbox.js";
import type { ReadingEnd } from "./reader.js";
import type { ReaderQueue } from "./reader-queue.js";
import type { Decoder } from "./decoder.js";
import type { ReceivedMessage } from "./received-message.js";

export interface InboxReaderHost<Received> {
  readonly inbox: Inbox<ReceivedMessage<Received>>;
  readonly decoder: Decoder<Received>;
  /** A message was removed from the inbox, or (`undefined`) the inbox contained none. */
  onTaken(entry: ReceivedMessage<Received> | undefined): void;
  /** Ends all waiting readers if the end has been reached. */
  endReaders(): void;
}

/**
 * Removes messages one operation at a time. A listener or a `match` function may start another reader during an
 * operation. That reader waits until the operation is finished, so that readers receive messages in the order of their
 * calls.
 */
export class InboxReader<Received> {
  readonly #readers: ReaderQueue<Received>;
  readonly #host: InboxReaderHost<Received>;
  #isActive = false;

  constructor(readers: ReaderQueue<Received>, host: InboxReaderHost<Received>) {
    this.#readers = readers;
    this.#host = host;
  }

  /** Returns the end for a reader that found no message; `undefined` during an operation of an earlier reader. */
  endFor(end: ReadingEnd | undefined): ReadingEnd | undefined {
    return this.#isActive ? undefined : end;
  }

  /** Removes the oldest message. The first call activates the overflow policy of the inbox. */
  next(): ReceivedMessage<Received> | undefined {
    if (this.#isActive) return undefined;
    const addedBefore = this.#begin();
    const entry = this.#takeNext();
    this.#end(addedBefore);
    return entry;
  }

  /** Removes all messages. */
  all(): { readonly value: readonly Received[] } | undefined {
    return this.#run(() => {
      const value: Received[] = [];
      for (let entry = this.#takeNext(); entry !== undefined; entry = this.#takeNext())
        value.push(entry.value);
      return value.length === 0 ? undefined : { value };
    });
  }

  /**
   * Removes the first message that `match` accepts. The others stay in their order.
   *
   * @throws any error that `match` throws.
   */
  matching(match: (message: Received) => boolean): ReceivedMessage<Received> | undefined {
    return this.#run(() => {
      this.#host.inbox.beginReading();
      const entry = this.#takeMatching(match);
      this.#host.onTaken(entry);
      return entry;
    });
  }

  #takeMatching(match: (message: Received) => boolean): ReceivedMessage<Received> | undefined {
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

  #takeNext(): ReceivedMessage<Received> | undefined {
    const { inbox, decoder } = this.#host;
    inbox.beginReading();
    let entry = inbox.shift();
    while (entry !== undefined && !decoder.complete(entry)) entry = inbox.shift();
    this.#host.onTaken(entry);
    return entry;
  }

  /** Delivers messages, or the end, to readers that were added while a message was being removed or added. */
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
