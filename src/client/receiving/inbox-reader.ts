// Takes waiting messages out of the inbox for those who read. It does not receive messages and does not pause the reading.
import type { Inbox } from "../../buffer/inbox.js";
import type { ReadingEnd } from "./reader.js";
import type { ReaderQueue } from "./reader-queue.js";
import type { Decoder } from "./decoder.js";
import type { ReceivedMessage } from "./received-message.js";

export interface InboxReaderHost<Received> {
  readonly inbox: Inbox<ReceivedMessage<Received>>;
  readonly decoder: Decoder<Received>;
  /** A message was taken, or none waited. */
  onTaken(entry: ReceivedMessage<Received> | undefined): void;
  /** The end is given to all readers that wait. */
  endReaders(): void;
}

/**
 * Takes messages one at a time. A listener or a `match` that reads while a message is being taken waits, so that readers get the
 * messages in the order of their calls.
 */
export class InboxReader<Received> {
  readonly #readers: ReaderQueue<Received>;
  readonly #host: InboxReaderHost<Received>;
  #isActive = false;

  constructor(readers: ReaderQueue<Received>, host: InboxReaderHost<Received>) {
    this.#readers = readers;
    this.#host = host;
  }

  /** The end for a reader that finds nothing; `undefined` while another reader is served, which must not be overtaken. */
  endFor(end: ReadingEnd | undefined): ReadingEnd | undefined {
    return this.#isActive ? undefined : end;
  }

  /** Takes the next message that waits. From the first call on the overflow policy of the inbox applies. */
  next(): ReceivedMessage<Received> | undefined {
    if (this.#isActive) return undefined;
    const entered = this.#begin();
    const entry = this.#takeNext();
    this.#end(entered);
    return entry;
  }

  /** Takes all messages that wait. */
  all(): { readonly value: readonly Received[] } | undefined {
    return this.#run(() => {
      const value: Received[] = [];
      for (let entry = this.#takeNext(); entry !== undefined; entry = this.#takeNext())
        value.push(entry.value);
      return value.length === 0 ? undefined : { value };
    });
  }

  /**
   * Takes the first message that waits and that `match` accepts; the others keep their place.
   *
   * @throws what `match` throws.
   */
  matching(match: (message: Received) => boolean): ReceivedMessage<Received> | undefined {
    return this.#run(() => {
      const { inbox, decoder } = this.#host;
      inbox.beginReading();
      const entry = inbox.waiting.find((one) => {
        if (decoder.complete(one)) return match(one.value) && inbox.remove(one);
        inbox.remove(one);
        return false;
      });
      this.#host.onTaken(entry);
      return entry;
    });
  }

  #run<Result>(take: () => Result | undefined): Result | undefined {
    if (this.#isActive) return undefined;
    const entered = this.#begin();
    try {
      return take();
    } finally {
      this.#end(entered);
    }
  }

  #begin(): number {
    this.#isActive = true;
    return this.#readers.enteredCount;
  }

  #end(entered: number): void {
    this.#isActive = false;
    if (this.#readers.enteredCount !== entered) this.serve();
  }

  #takeNext(): ReceivedMessage<Received> | undefined {
    const { inbox, decoder } = this.#host;
    inbox.beginReading();
    let entry = inbox.shift();
    while (entry !== undefined && !decoder.complete(entry)) entry = inbox.shift();
    this.#host.onTaken(entry);
    return entry;
  }

  /** Gives waiting messages, or the end, to readers that came while a message was being taken or added. */
  serve(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    const { inbox, decoder } = this.#host;
    inbox.beginReading();
    for (const entry of inbox.waiting) {
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
