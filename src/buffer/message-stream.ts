// The state of one numbered stream of messages, and of one replay request. It does not deliver messages.
import type { Cursor, Cursors } from "../options/layer-options.js";
import type { ReorderBuffer } from "./reorder-buffer.js";
import type { Sequence, SequenceWindow, SequenceStatus } from "./sequence-window.js";

/** The position of a message in its stream, as returned by the functions of the application. */
export interface SequencePosition<Message> {
  readonly stream: MessageStream<Message>;
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
}

/** A message of a stream that was received and is not yet delivered. */
export interface Arrival<Message> extends SequencePosition<Message> {
  readonly message: Message;
  /** The number of the connection. */
  readonly connection: number;
  /** The request whose result contained the message; `undefined` for a message that arrived on a connection. */
  readonly request: ReplayRequest<Message> | undefined;
  /** Time of arrival in milliseconds. A message that waited in an overlap gets the time at which the overlap ended. */
  at: number;
  /** Bytes that the message counts for while it is buffered. */
  readonly bytes: number;
}

/** One call of the application's `onReplay`, and its progress. */
export class ReplayRequest<Message> {
  /** The cursors of the streams in which messages may be missing. */
  readonly cursors: Cursors;
  /** The number of the connection on which the replay is requested. */
  readonly connection: number;
  /** The number of this request, counted from 1. */
  readonly number: number;
  readonly streams: Set<MessageStream<Message>>;
  /**
   * `inBand`: `onReplay` returned nothing, and the server repeats the messages on the connection. `over`: no more
   * messages of this request are accepted.
   */
  state: "running" | "inBand" | "over" = "running";
  /** Time of the last progress in milliseconds. */
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

/** One numbered stream: its cursor, the ids that it delivered last, and its reorder buffer. */
export class MessageStream<Message> {
  readonly name: string;
  readonly window: SequenceWindow;
  epoch: Sequence | undefined;
  /** The active request that covers the stream. */
  replay: ReplayRequest<Message> | undefined;
  /** True if a message of the stream arrived since the stream table last searched for a stream to evict. */
  isUsed = false;
  /** Number of missing messages that were delivered and not yet reported. */
  recoveredCount = 0;
  /** The window, if the next message of the stream can be delivered without any other work. */
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

  /** While `true`, the overlap must be notified of each message of this stream. */
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

  /** Returns the cursor as it was before a delivered message with this id. */
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
   * @param isCovered - `true` if a replay request for the stream is active.
   * @throws What the window throws.
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

  /**
   * All ids between the cursor of the request and the current cursor were delivered since the request, even if there
   * are more of them than the window remembers.
   */
  #isSinceRequest(id: Sequence): boolean {
    const from = this.replay?.cursors[this.name];
    return from !== undefined && id > from.sequence && from.epoch === this.epoch;
  }

  /** Restarts the numbering at this message. */
  restart({ id, epoch }: Arrival<Message>): void {
    this.window.restart(id);
    this.epoch = epoch ?? this.epoch;
    this.#duplicateCount = 0;
  }

  /** Counts a duplicate. Returns `true` if more than `limit` arrived since the cursor last moved. */
  countDuplicate(limit: number): boolean {
    const { sequence } = this.window;
    if (sequence !== this.#duplicatesSince) {
      this.#duplicatesSince = sequence;
      this.#duplicateCount = 0;
    }
    return ++this.#duplicateCount > limit;
  }
}
