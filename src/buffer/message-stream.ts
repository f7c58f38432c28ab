// The state of one numbered stream of messages, and of one replay request. This module does not deliver messages.
import type { Cursor, Cursors } from "../options/layer-options.js";
import type { ReorderBuffer } from "./reorder-buffer.js";
import type { Sequence, SequenceStatus, SequenceWindow } from "./sequence-window.js";

/** The position of a message, as returned by the functions of the option `replay`. */
export interface SequencePosition<Message> {
  readonly stream: MessageStream<Message>;
  readonly id: Sequence;
  readonly epoch: Sequence | undefined;
}

/** A received message that has a position in a stream and is not delivered yet. */
export interface Arrival<Message> extends SequencePosition<Message> {
  readonly message: Message;
  /** The number of the connection on which the message arrived, or on which its replay was requested. */
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
   * The state of the request.
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
  /** The active replay request that covers the stream. */
  replay: ReplayRequest<Message> | undefined;
  /** True if a message of the stream arrived after the last check for eviction. */
  isUsed = false;
  /** Number of messages that have filled a part of a gap, and that no event has reported yet. */
  recoveredCount = 0;
  buffer: ReorderBuffer<Arrival<Message>> | undefined;
  /** True in an overlap until the old connection has caught up with the new connection in this stream. */
  isWatched = false;
  #duplicateCount = 0;
  #duplicatesSince: Sequence | undefined;

  constructor(name: string, window: SequenceWindow) {
    this.name = name;
    this.window = window;
  }

  /**
   * The sequence window of the stream if the next message needs no further work before it is delivered; otherwise
   * `undefined`.
   */
  get fastPathWindow(): SequenceWindow | undefined {
    return this.buffer === undefined && !this.isWatched ? this.window : undefined;
  }

  get cursor(): Cursor | undefined {
    return this.#cursorAt(this.window.sequence);
  }

  /** Returns the cursor that the stream had before the message with the id `id` was delivered. */
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
   * @param isCovered - `true` if an active replay request covers the stream of the message.
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
   * Returns whether `id` is higher than the cursor that the stream had when the replay was requested. All ids from that
   * cursor up to the current cursor were delivered, even if the window has forgotten some of them.
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
