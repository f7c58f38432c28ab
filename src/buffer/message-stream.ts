// The state of one numbered stream of messages, and of one replay request. It does not deliver messages.
import type { Cursor, Cursors } from "../options/layer-options.js";
import type { ReorderBuffer } from "./reorder-buffer.js";
import type { Sequence, SequenceStatus, SequenceWindow } from "./sequence-window.js";

/** The position of a message, as returned by the functions of the option `replay`. */
export interface SequencePosition<Message> {
  readonly stream: MessageStream<Message>;
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
}

/** A received message of a stream that is not delivered yet. */
export interface Arrival<Message> extends SequencePosition<Message> {
  readonly message: Message;
  /** The number of the connection. */
  readonly connection: number;
  /** The replay request that returned the message; `undefined` if the message arrived on a connection. */
  readonly request: ReplayRequest<Message> | undefined;
  /** Time of arrival in milliseconds. For a message that waited in an overlap, the time at which the overlap ended. */
  at: number;
  /** Memory of the message in bytes while it is buffered. */
  readonly bytes: number;
}

/** One call of the application's `onReplay`, and its progress. */
export interface ReplayRequest<Message> {
  /** The cursors of the streams in which messages may be missing. */
  readonly cursors: Cursors;
  /** The number of the connection on which the replay is requested. */
  readonly connection: number;
  /** The number of this request, counted from 1. */
  readonly number: number;
  /** The streams that the request covers. */
  readonly streams: Set<MessageStream<Message>>;
  /**
   * - `running`: `onReplay` is still returning messages.
   * - `inBand`: `onReplay` returned nothing, and the server repeats the messages on the connection.
   * - `over`: no more messages of this request are accepted.
   */
  state: "running" | "inBand" | "over";
  /** Time of the last progress in milliseconds. */
  activeAt: number;
}

/** One numbered stream: its cursor, its recently delivered ids, and its reorder buffer. */
export class MessageStream<Message> {
  readonly name: string;
  readonly window: SequenceWindow;
  epoch: Sequence | undefined;
  /** The active request that covers the stream. */
  replay: ReplayRequest<Message> | undefined;
  /** True if a message of the stream arrived after the last check for eviction. */
  isUsed = false;
  /** Number of missing messages that were delivered, but are not reported yet. */
  recoveredCount = 0;
  buffer: ReorderBuffer<Arrival<Message>> | undefined;
  /** While `true`, the overlap is notified of each message of this stream. */
  isWatched = false;
  #duplicateCount = 0;
  #duplicatesSince: Sequence | undefined;

  constructor(name: string, window: SequenceWindow) {
    this.name = name;
    this.window = window;
  }

  /** The window if the next message can be delivered without further work; otherwise `undefined`. */
  get fastPathWindow(): SequenceWindow | undefined {
    return this.buffer === undefined && !this.isWatched ? this.window : undefined;
  }

  get cursor(): Cursor | undefined {
    return this.#cursorAt(this.window.sequence);
  }

  /** Returns the cursor that the stream had before the message with this id was delivered. */
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
   * @throws any error that the window throws.
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
   * Returns whether `id` follows the cursor of the replay request. The stream delivered all ids between that cursor and
   * its current cursor, even if the window no longer remembers them.
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

  /** Counts a duplicate. Returns `true` if more than `limit` duplicates arrived after the last move of the cursor. */
  countDuplicate(limit: number): boolean {
    const { sequence } = this.window;
    if (sequence !== this.#duplicatesSince) {
      this.#duplicatesSince = sequence;
      this.#duplicateCount = 0;
    }
    return ++this.#duplicateCount > limit;
  }
}
