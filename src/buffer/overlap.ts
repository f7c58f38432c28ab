import { HeldBytes } from "./held-bytes.js";
import type { Arrival, MessageStream } from "./message-stream.js";

/** What came on the new link: in a sequence, or outside of all. */
export type Waiting<Message> =
  Arrival<Message> | { readonly message: Message; readonly bytes: number; readonly stream: undefined };

/** Two links at once: what the new one brings waits here until the old one has ended. */
export class Overlap<Message> {
  /** The new link. */
  readonly connection: number;
  /** The new link has ended, or takes no question any more. */
  isOver = false;
  /** Doubles before it began. */
  readonly duplicatesBefore: number;
  readonly #maxWaiting: number;
  readonly #handler: { onJoined(): void; onFull(): void };
  readonly #seen = new Set<MessageStream<Message>>();
  /** Streams that began on the new link further on than the old link is, and the arrival they began with. */
  readonly #unjoined = new Map<MessageStream<Message>, Arrival<Message>>();
  readonly #held: HeldBytes;
  /** In the order of arrival; `undefined` in the place of a message that was pulled out. */
  #waiting: (Waiting<Message> | undefined)[] = [];
  /** The places of each stream's messages. */
  readonly #places = new Map<MessageStream<Message>, number[]>();
  #isJoined = false;
  #isFull = false;

  constructor(
    plan: {
      readonly connection: number;
      readonly maxWaiting: number;
      readonly maxBytes: number;
      readonly duplicatesBefore: number;
    },
    handler: { onJoined(): void; onFull(): void },
  ) {
    this.connection = plan.connection;
    this.duplicatesBefore = plan.duplicatesBefore;
    this.#maxWaiting = plan.maxWaiting;
    this.#held = new HeldBytes(plan.maxBytes);
    this.#handler = handler;
  }

  get length(): number {
    return this.#held.count;
  }

  add(waiting: Waiting<Message>): void {
    if (waiting.stream !== undefined) this.#note(waiting.stream, this.#waiting.length);
    this.#waiting.push(waiting);
    this.#held.add(waiting.bytes);
    if (this.#isFull || (this.length < this.#maxWaiting && !this.#held.isFull)) return;
    this.#isFull = true;
    this.#handler.onFull();
  }

  #note(stream: MessageStream<Message>, place: number): void {
    const places = this.#places.get(stream);
    if (places === undefined) this.#places.set(stream, [place]);
    else places.push(place);
  }

  /** Messages of the stream wait here. */
  has(stream: MessageStream<Message>): boolean {
    return this.#places.has(stream);
  }

  /** Takes out what waits of one stream. */
  pull(stream: MessageStream<Message>): Arrival<Message>[] {
    const places = this.#places.get(stream) ?? [];
    this.#places.delete(stream);
    return places.map((place) => {
      const pulled = this.#waiting[place] as Arrival<Message>;
      this.#waiting[place] = undefined;
      this.#held.remove(pulled.bytes);
      return pulled;
    });
  }

  /** Takes out all that waits, and ends the watching of streams. */
  end(): Waiting<Message>[] {
    for (const stream of this.#unjoined.keys()) stream.isWatched = false;
    this.#unjoined.clear();
    this.#places.clear();
    const waiting = this.#waiting.filter((one) => one !== undefined);
    this.#waiting = [];
    return waiting;
  }

  /** The table of streams has forgotten this one, of which nothing waits here. */
  forget(stream: MessageStream<Message>): void {
    this.#seen.delete(stream);
    this.#unjoined.delete(stream);
  }

  /** A message came on the new link. */
  onNew(arrival: Arrival<Message>): void {
    const { stream } = arrival;
    // Where the old link has brought nothing yet there is nothing to join.
    if (this.#seen.has(stream) || stream.window.sequence === undefined) return;
    this.#seen.add(stream);
    stream.isWatched = true;
    this.#unjoined.set(stream, arrival);
    this.onMoved(stream);
  }

  /** A message of a stream was delivered from the old link. */
  onMoved(stream: MessageStream<Message>): void {
    const first = this.#unjoined.get(stream);
    if (first === undefined || !isJoined(stream, first)) return;
    stream.isWatched = false;
    this.#unjoined.delete(stream);
    if (this.#unjoined.size > 0 || this.#isJoined) return;
    this.#isJoined = true;
    this.#handler.onJoined();
  }
}

/** The old link is at most one message behind what the new one began with. */
function isJoined<Message>(stream: MessageStream<Message>, { id, epoch }: Arrival<Message>): boolean {
  try {
    return !stream.isNewEpoch(epoch) && stream.window.judge(id) !== "ahead";
  } catch {
    // What the user's function cannot tell is not waited for; its error is told when the message is taken.
    return true;
  }
}
