// The replay engine: keeps received messages in sequence across connections. It removes duplicates, reports gaps,
// requests replays, and delivers in order. It reads no clock and sets no timer: the caller passes the time.
import type { Cursors } from "../options/layer-options.js";
import { ChunkedList } from "./chunked-list.js";
import { Delivery } from "./delivery.js";
import type { Arrival, MessageStream, ReplayRequest, SequencePosition } from "./message-stream.js";
import { Overlap, type WaitingMessage } from "./overlap.js";
import { Recovery } from "./recovery.js";
import type { ReplayPolicy, ReplayPort } from "./replay-port.js";
import type { Sequence } from "./sequence-window.js";
import { StreamTable } from "./stream-table.js";

/**
 * No message is lost: each message is delivered once, or is a duplicate of a delivered message.
 *
 * A connection is identified by its number: 1 for the first connection, and a higher number for each later connection.
 * A method of the port must not call `locate` or `receive`.
 *
 * `Value` is the type that the functions of the application receive. `Message` is the type that the engine stores if it
 * cannot deliver a message at once.
 */
export class Replay<Value, Message> {
  readonly #policy: ReplayPolicy<Value>;
  readonly #port: ReplayPort<Message>;
  readonly #delivery: Delivery<Message>;
  readonly #recovery: Recovery<Message>;
  readonly #streams: StreamTable<Value, Message>;
  /**
   * The only stream, if ids increase by one and there are neither stream names nor epochs. Set by the first message.
   */
  #singleStream: MessageStream<Message> | undefined;
  /** Messages of an overlap that has ended, until they are delivered. */
  readonly #leavingOverlap = new ChunkedList<WaitingMessage<Message>>();
  /** The number of the connection whose messages wait in the overlap; 0 without an overlap. */
  #waitingConnection = 0;
  /** Number of duplicates before the overlap began. */
  #duplicatesBefore = 0;

  /** @throws TypeError for an invalid cursor. */
  constructor(policy: ReplayPolicy<Value>, port: ReplayPort<Message>) {
    this.#policy = policy;
    this.#port = port;
    this.#delivery = new Delivery(port);
    const recovery = new Recovery(policy, port, this.#delivery);
    this.#recovery = recovery;
    this.#streams = new StreamTable(policy, {
      onCreated: (stream) => recovery.requests.cover(stream),
      mayEvict: (stream) => stream.buffer === undefined && recovery.overlap?.has(stream) !== true,
      onEvicted: (stream) => {
        recovery.requests.uncover(stream);
        recovery.overlap?.forget(stream);
      },
    });
  }

  /** Number of messages that wait for missing messages, or for the end of an overlap. */
  get heldCount(): number {
    return this.#recovery.buffers.messageCount + (this.#recovery.overlap?.length ?? 0);
  }

  /** Number of messages that were removed because they had been delivered before. */
  get duplicateCount(): number {
    return this.#delivery.duplicateCount;
  }

  /**
   * Returns the cursor of each stream. A later client can start from these cursors with {@link ReplayPolicy.cursors}.
   * @param waiting - Delivered messages that no consumer has read yet, oldest first. The returned cursors precede these
   * messages.
   */
  cursors(waiting: Iterable<Value> = []): Cursors {
    return this.#streams.cursors(waiting);
  }

  /**
   * Determines the position of a message. This is the hot path: it allocates nothing for a message that is next.
   * @param mayAccept - `false`: the message is not accepted, and the result is never `undefined`.
   * @returns `undefined` if the message must be delivered now. Otherwise the value that must be passed to {@link
   * receive}.
   */
  locate(
    value: Value,
    connection: number,
    mayAccept: boolean = connection !== this.#waitingConnection,
  ): SequencePosition<Message> | "unsequenced" | undefined {
    const { sequence } = this.#policy;
    try {
      const id = sequence(value);
      const window = mayAccept ? this.#singleStream?.fastPathWindow : undefined;
      // `advance` returns `false` for an invalid id.
      if (window?.advance(id as Sequence) === true) return undefined;
      return this.#positionOf(value, id, connection, mayAccept);
    } catch (error) {
      this.#port.onError(error);
      return mayAccept ? undefined : "unsequenced";
    }
  }

  #positionOf(
    value: Value,
    id: Sequence | null | undefined,
    connection: number,
    mayAccept: boolean,
  ): SequencePosition<Message> | "unsequenced" | undefined {
    if (id === undefined || id === null) return mayAccept ? undefined : "unsequenced";
    const { streamOf, epochOf, isNext } = this.#policy;
    const stream = this.#streams.of(value);
    if (streamOf === undefined && epochOf === undefined && isNext === undefined) this.#singleStream = stream;
    const epoch = epochOf === undefined ? undefined : (epochOf(value, connection) ?? undefined);
    const window = mayAccept && epoch === stream.epoch ? stream.fastPathWindow : undefined;
    return window?.advance(id) === true ? undefined : { stream, id, epoch };
  }

  /**
   * @param position - The result of {@link locate} for this message. No other method may be called between the two
   * calls.
   */
  receive(
    message: Message,
    position: SequencePosition<Message> | "unsequenced",
    connection: number,
    now: number,
  ): void {
    const bytes = this.#port.sizeOf(message);
    if (position === "unsequenced") this.#recovery.overlap!.add({ message, bytes, stream: undefined });
    else this.#receive({ ...position, message, bytes, connection, request: undefined, at: now });
  }

  #receive(arrival: Arrival<Message>): void {
    const { overlap } = this.#recovery;
    if (overlap === undefined) {
      this.#recovery.receive(arrival);
      return;
    }
    const isNew = arrival.connection === overlap.connection && arrival.request === undefined;
    if (isNew) overlap.onNewConnectionMessage(arrival);
    if (isNew && arrival.stream.buffer === undefined) this.#waitInOverlap(overlap, arrival);
    else this.#receiveFromBoth(overlap, arrival);
  }

  #waitInOverlap(overlap: Overlap<Message>, arrival: Arrival<Message>): void {
    const { message, bytes } = arrival;
    const status = this.#recovery.classify(arrival);
    if (status === "duplicate") this.#delivery.apply(arrival, status);
    else overlap.add(status === "unclassified" ? { message, bytes, stream: undefined } : arrival);
  }

  /** In an overlap, a stream with a reorder buffer accepts missing messages from both connections. */
  #receiveFromBoth(overlap: Overlap<Message>, arrival: Arrival<Message>): void {
    const { stream } = arrival;
    const hadBuffer = stream.buffer !== undefined;
    this.#recovery.receive(arrival);
    if (!hadBuffer && stream.buffer !== undefined) {
      for (const waiting of overlap.pull(stream)) this.#recovery.receive(waiting);
    }
    overlap.onCursorMoved(stream);
  }

  /**
   * A connection is open and the application's `onConnection` has finished: requests a replay of the missed messages.
   */
  onConnection(connection: number, now: number): void {
    this.#recovery.connection = connection;
    this.#recovery.resume(this.#streams, connection, now);
  }

  /** A connection has ended. Buffered messages wait for the next connection, up to their limits. */
  onConnectionEnd(connection: number): void {
    const { overlap, requests } = this.#recovery;
    requests.endOn((other) => other === connection);
    if (overlap?.connection === connection) overlap.isOver = true;
    if (this.#recovery.connection === connection) this.#goOffline();
  }

  /** No replay can be requested before the next connection. */
  #goOffline(): void {
    this.#recovery.connection = undefined;
    this.#recovery.isOffline = true;
  }

  /**
   * `onReplay` returned a message.
   * @returns `false` if no more messages are needed, because the connection has ended. The next connection requests the
   * messages again.
   */
  onReplayed(request: ReplayRequest<Message>, value: Value, message: Message, now: number): boolean {
    if (request.state !== "running") return false;
    request.activeAt = now;
    const { connection } = request;
    const position = this.locate(value, connection, false)!;
    if (position === "unsequenced") this.#port.deliver(message);
    else {
      const bytes = this.#port.sizeOf(message);
      this.#receive({ ...position, message, bytes, connection, request, at: now });
    }
    return true;
  }

  /** Must be called after all messages that `onReplay` returned were passed to {@link onReplayed}. */
  onReplayReturned(request: ReplayRequest<Message>, now: number): void {
    if (request.state === "running") this.#recovery.onReturned(request, now);
  }

  /** `onReplay` returned nothing: the server repeats the missing messages on the connection. */
  onReplayInBand(request: ReplayRequest<Message>, now: number): void {
    if (request.state === "running") this.#recovery.onInBand(request, now);
  }

  /** `onReplay` threw or rejected, or its result threw while it was read. */
  onReplayFailed(request: ReplayRequest<Message>, error: Error): void {
    if (request.state !== "running") return;
    this.#port.onError(error);
    this.#recovery.onFailed(request);
  }

  onTimer(now: number): void {
    this.#recovery.onTimer(now);
  }

  /**
   * A second connection is open while the first connection is in use. From now on the messages of the new connection
   * wait, duplicates are removed and no gap is reported. A replay of the messages that may be missed is requested on
   * the new connection.
   * @param maxWaiting - {@link ReplayPort.onOverlapFull} is called when this number of messages waits, or `maxBytes` of
   * the policy is reached.
   */
  beginOverlap(connection: number, maxWaiting: number, now: number): void {
    this.endOverlap(now);
    this.#duplicatesBefore = this.duplicateCount;
    this.#recovery.overlap = new Overlap(connection, maxWaiting, this.#policy.maxBytes, this.#port);
    this.#waitingConnection = connection;
    this.#streams.freeze();
    this.#recovery.isDeferring = true;
    this.#recovery.resume(this.#streams, connection, now);
  }

  /**
   * The old connection has ended: delivers the waiting messages of the new connection and reports gaps.
   * @returns The number of duplicates that were removed in the overlap.
   */
  endOverlap(now: number): number {
    const { overlap } = this.#recovery;
    if (overlap === undefined) return 0;
    if (overlap.isOver) this.#goOffline();
    else this.#recovery.connection = overlap.connection;
    return this.#finishOverlap(overlap, now, false);
  }

  /**
   * The new connection has ended and the old connection stays: delivers the waiting messages.
   * @returns The number of duplicates that were removed in the overlap.
   */
  cancelOverlap(now: number): number {
    const { overlap } = this.#recovery;
    return overlap === undefined ? 0 : this.#finishOverlap(overlap, now, true);
  }

  #finishOverlap(overlap: Overlap<Message>, now: number, isCancelled: boolean): number {
    this.#recovery.requests.endOn((connection) => (connection === overlap.connection) === isCancelled);
    this.#recovery.overlap = undefined;
    this.#waitingConnection = 0;
    for (const waiting of overlap.end()) this.#leavingOverlap.push(waiting);
    this.#deliverLeavingOverlap(now);
    this.#streams.thaw();
    this.#recovery.endDeferring(now, isCancelled);
    return this.duplicateCount - this.#duplicatesBefore;
  }

  /**
   * A listener may end the client during a delivery. The nested call of `finish` then delivers the remaining messages.
   */
  #deliverLeavingOverlap(now: number): void {
    for (let next = this.#leavingOverlap.shift(); next !== undefined; next = this.#leavingOverlap.shift()) {
      if (next.stream === undefined) this.#port.deliver(next.message);
      else {
        next.at = now;
        this.#recovery.receive(next);
      }
    }
  }

  /** The client has ended: delivers all waiting messages. */
  finish(now: number): void {
    this.#delivery.finishRelease();
    this.#deliverLeavingOverlap(now);
    this.endOverlap(now);
    this.#recovery.requests.endOn(() => true);
    this.#recovery.connection = undefined;
    this.#recovery.giveUpAll();
  }
}
