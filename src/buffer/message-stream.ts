import type { Cursor, Cursors } from "./cursor.js";
import type { ReorderBuffer } from "./reorder-buffer.js";
import type { Sequence, SequenceWindow, SequenceStatus } from "./sequence-window.js";

/** Where a message stands by what the user's functions say of it. */
export interface SequencePosition<Message> {
  readonly stream: MessageStream<Message>;
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
}

/** A message that belongs to a sequence, on its way through. */
export interface Arrival<Message> extends SequencePosition<Message> {
  readonly message: Message;
  readonly connection: number;
  /** The request that has brought it; `undefined` for one that came on a link. */
  readonly request: ReplayRequest<Message> | undefined;
  /** When it came, or began to count as having come. */
  at: number;
  /** Bytes that it counts for while it is held. */
  readonly bytes: number;
}

/** One call of the user's `onReplay`, and how it goes. */
export class ReplayRequest<Message> {
  /** Where the streams stand of which messages may be missing. */
  readonly cursors: Cursors;
  /** The link to ask on. */
  readonly connection: number;
  /** Counts requests. */
  readonly number: number;
  readonly streams: Set<MessageStream<Message>>;
  /** `inBand`: the user has returned nothing, the server repeats on the link. `over`: nothing more comes of it. */
  state: "running" | "inBand" | "over" = "running";
  /** When it has last shown itself. */
  activeAt: number;

  constructor(
    plan: {
      readonly cursors: Cursors;
      readonly connection: number;
      readonly number: number;
      readonly now: number;
    },
    streams: Iterable<MessageStream<Message>>,
  ) {
    this.cursors = plan.cursors;
    this.connection = plan.connection;
    this.number = plan.number;
    this.activeAt = plan.now;
    this.streams = new Set(streams);
  }
}

/** One sequence of messages: its cursor, what it has delivered last, and what it holds back. */
export class MessageStream<Message> {
  readonly name: string;
  readonly window: SequenceWindow;
  epoch: Sequence | undefined;
  /** The request that covers it, if it is not over. */
  replay: ReplayRequest<Message> | undefined;
  /** A message of it came since the table of streams last looked for one to forget. */
  isUsed = false;
  /** Missed messages that were delivered and not yet told. */
  recoveredCount = 0;
  /** Its window, where a message that is next can be delivered with nothing else to do. */
  fastPathWindow: SequenceWindow | undefined;
  #buffer: ReorderBuffer<Arrival<Message>> | undefined;
  #isWatched = false;
  #duplicateCount = 0;
  #duplicatesSince: Sequence | undefined;

  constructor(name: string, window: SequenceWindow) {
    this.name = name;
    this.window = window;
    this.fastPathWindow = window;
  }

  get buffer(): ReorderBuffer<Arrival<Message>> | undefined {
    return this.#buffer;
  }

  set buffer(buffer: ReorderBuffer<Arrival<Message>> | undefined) {
    this.#buffer = buffer;
    this.#updateFastPath();
  }

  /** Somebody wants to be asked after each of its messages. */
  set isWatched(isWatched: boolean) {
    this.#isWatched = isWatched;
    this.#updateFastPath();
  }

  #updateFastPath(): void {
    this.fastPathWindow = this.#buffer === undefined && !this.#isWatched ? this.window : undefined;
  }

  get cursor(): Cursor | undefined {
    return this.#cursorAt(this.window.sequence);
  }

  /** Where the cursor stood before a delivered message with this id. */
  cursorBefore(id: Sequence): Cursor | undefined {
    return this.#cursorAt(this.window.before(id));
  }

  #cursorAt(sequence: Sequence | undefined): Cursor | undefined {
    if (sequence === undefined) return undefined;
    return this.epoch === undefined ? { sequence } : { sequence, epoch: this.epoch };
  }

  resume(cursor: Cursor, hasEpochs: boolean): void {
    this.window.resume(cursor.sequence);
    if (hasEpochs) this.epoch = cursor.epoch;
  }

  /**
   * @param isCovered - A request for a replay is at work for it.
   * @throws What the window's judgement throws.
   */
  classify({ id, epoch }: Arrival<Message>, isCovered: boolean): SequenceStatus {
    const status = this.window.classify(id);
    if (status === "first") return status;
    if (this.isNewEpoch(epoch)) return "restart";
    if (status === "restart" && isCovered && this.#isSinceRequest(id)) return "duplicate";
    return status;
  }

  isNewEpoch(epoch: Sequence | undefined): boolean {
    return epoch !== undefined && this.epoch !== undefined && epoch !== this.epoch;
  }

  /** All between the cursor that a replay was asked for with and the one of now was delivered since, however much it is. */
  #isSinceRequest(id: Sequence): boolean {
    const from = this.replay?.cursors[this.name];
    return from !== undefined && id > from.sequence && from.epoch === this.epoch;
  }

  /** The numbering begins anew, with this message. */
  restart({ id, epoch }: Arrival<Message>): void {
    this.window.restart(id);
    this.epoch = epoch ?? this.epoch;
    this.#duplicateCount = 0;
  }

  /** Counts a double; `true` where more than `limit` have come since the cursor has moved. */
  countDuplicate(limit: number): boolean {
    const { sequence } = this.window;
    if (sequence !== this.#duplicatesSince) {
      this.#duplicatesSince = sequence;
      this.#duplicateCount = 0;
    }
    return ++this.#duplicateCount > limit;
  }
}
