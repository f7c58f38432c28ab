// The replay engine: keeps received messages in sequence across connections. It removes duplicates, reports gaps,

// requests replays, and delivers in order. It reads no clock and sets no timer: the caller passes the time.
import { ChunkedList } from "./chunked-list.js";
import type { Cursors } from "../options/layer-options.js";
import { asError, Delivery } from "./delivery.js";
import type { Arrival, MessageStream, SequencePosition, ReplayRequest } from "./message-stream.js";
import { Overlap, type WaitingMessage } from "./overlap.js";
import { Recovery } from "./recovery.js";
import type { ReplayPolicy, ReplayPort } from "./replay-port.js";
import type { Sequence } from "./sequence-window.js";
import { StreamTable } from "./stream-table.js";

/**
 * No message is lost: each message is delivered once, or is a duplicate of a delivered one.
 *
 * A connection is given by its number: 1 for the first connection, and a higher number for each later one. A method of
 * the port must not call `locate` or `receive`.
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
  #overlap: Overlap<Message> | undefined;
  /** Messages of an overlap that has ended, until they are delivered. */
  readonly #leavingOverlap = new ChunkedList<WaitingMessage<Message>>();
  /** The number of the connection whose messages wait in the overlap; 0 without an overlap. */
  #waitingConnection = 0;

  /** @throws TypeError for an invalid cursor. */
  constructor(policy: ReplayPolicy<Value>, port: ReplayPort<Message>) {
    this.#policy = policy;
    this.#port = port;
    this.#delivery = new Delivery(port);
    this.#recovery = new Recovery(policy, port, this.#delivery);
    const { requests } = this.#recovery;
    this.#streams = new StreamTable(policy, {
      onCreated: (stream) => requests.cover(stream),
      mayEvict: (stream) => stream.buffer === undefined && this.#overlap?.has(stream) !== true,
      onEvicted: (stream) => {
        requests.uncover(stream);
        this.#overlap?.forget(stream);
      },
    });
  }

  /** When {@link onTimer} must be called; `Infinity` means never. */
  get nextAt(): number {
    return this.#recovery.nextAt;
  }

  /** Number of messages that wait for missing ones, or for the end of an overlap. */
  get heldCount(): number {
    return this.#recovery.heldCount + (this.#overlap?.length ?? 0);
  }

  /** Number of messages that were removed because they had been delivered before. */
  get duplicateCount(): number {
    return this.#delivery.duplicateCount;
  }

  /**
   * Returns the cursor of each stream. A later client can start from them with {@link ReplayPolicy.cursors}.
   * @param waiting - Delivered messages that no consumer has read yet, oldest first. The cursors are those before these
   * messages.
   */
  cursors(waiting: Iterable<Value> = []): Cursors {
    return this.#streams.cursors(waiting);
  }

  /**
   * Determines the position of a message. This is the hot path: it allocates nothing for a message that is next.
   * @returns `undefined` if the message must be delivered now: it is next and was accepted, or it has no id and nothing
   * to wait for. Otherwise the value that must be passed to {@link receive}.
   */
  locate(value: Value, connection: number): SequencePosition<Message> | "unsequenced" | undefined {
    const isFastPathAllowed = connection !== this.#waitingConnection;
    const { sequence } = this.#policy;
    try {
      const id = sequence(value);
      const window = isFastPathAllowed ? this.#singleStream?.fastPathWindow : undefined;
      // An invalid id is not equal to the next number either.
      if (window?.advance(id as Sequence) === true) return undefined;
      return this.#positionOf(value, id, connection, isFastPathAllowed);
    } catch (error) {
      return this.#positionAfterError(error, isFastPathAllowed);
    }
  }

  #positionOfReplayed(value: Value, connection: number): SequencePosition<Message> | "unsequenced" {
    const { sequence } = this.#policy;
    try {
      return this.#positionOf(value, sequence(value), connection, false)!;
    } catch (error) {
      return this.#positionAfterError(error, false)!;
    }
  }

  #positionOf(
    value: Value,
    id: Sequence | null | undefined,
    connection: number,
    isFastPathAllowed: boolean,
  ): SequencePosition<Message> | "unsequenced" | undefined {
    if (id === undefined || id === null) return isFastPathAllowed ? undefined : "unsequenced";
    const { streamOf, epochOf, isNext } = this.#policy;
    const stream = this.#streams.of(value);
    if (streamOf === undefined && epochOf === undefined && isNext === undefined) this.#singleStream = stream;
    const epoch = epochOf === undefined ? undefined : (epochOf(value, connection) ?? undefined);
    const window = isFastPathAllowed && epoch === stream.epoch ? stream.fastPathWindow : undefined;
    return window?.advance(id) === true ? undefined : { stream, id, epoch };
  }

  #positionAfterError(error: unknown, isFastPathAllowed: boolean): "unsequenced" | undefined {
    this.#port.onError(asError(error));
    return isFastPathAllowed ? undefined : "unsequenced";
  }

  /** @param position - The result of {@link locate} for this message. No other call may happen in between. */
  receive(
    message: Message,
    position: SequencePosition<Message> | "unsequenced",
    connection: number,
    now: number,
  ): void {
    const bytes = this.#port.sizeOf(message);
    if (position === "unsequenced") this.#overlap!.add({ message, bytes, stream: undefined });
    else this.#receive({ ...position, message, bytes, connection, request: undefined, at: now });
  }

  #receive(arrival: Arrival<Message>): void {
    const overlap = this.#overlap;
    const { stream } = arrival;
    if (overlap === undefined) {
      this.#recovery.receive(arrival);
      return;
    }
    const isNew = arrival.connection === overlap.connection && arrival.request === undefined;
    if (isNew) overlap.onNewConnectionMessage(arrival);
    if (isNew && stream.buffer === undefined) this.#waitInOverlap(overlap, arrival);
    else this.#receiveFromBoth(overlap, arrival);
  }

  #waitInOverlap(overlap: Overlap<Message>, arrival: Arrival<Message>): void {
    const status = this.#recovery.classify(arrival);
    if (status === "duplicate") this.#delivery.apply(arrival, status);
    else if (status !== "unclassified") overlap.add(arrival);
    else {
      const { message, bytes } = arrival;
      overlap.add({ message, bytes, stream: undefined });
    }
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

  /** A connection has ended. Buffered messages wait for the next one, up to their limits. */
  onConnectionEnd(connection: number): void {
    this.#recovery.requests.endOn((other) => other === connection);
    if (this.#overlap?.connection === connection) this.#overlap.isOver = true;
    if (this.#recovery.connection === connection) this.#goOffline();
  }

  /** No replay can be requested before the next connection. */
  #goOffline(): void {
    this.#recovery.connection = undefined;
    this.#recovery.isOffline = true;
  }

  /**
   * `onReplay` returned a message.
   * @returns `false` if no more messages are needed, because the connection has ended and the next one requests them
   * again.
   */
  onReplayed(request: ReplayRequest<Message>, value: Value, message: Message, now: number): boolean {
    if (request.state !== "running") return false;
    request.activeAt = now;
    const { connection } = request;
    const position = this.#positionOfReplayed(value, connection);
    if (position === "unsequenced") this.#port.deliver(message);
    else
      this.#receive({
        ...position,
        message,
        bytes: this.#port.sizeOf(message),
        connection,
        request,
        at: now,
      });
    return true;
  }

  /** All messages that `onReplay` returned were passed to {@link onReplayed}. */
  onReplayReturned(request: ReplayRequest<Message>, now: number): void {
    if (request.state === "running") this.#recovery.onReturned(request, now);
  }

  /** `onReplay` returned nothing: the server repeats the missing messages on the connection. */
  onReplayInBand(request: ReplayRequest<Message>, now: number): void {
    if (request.state === "running") this.#recovery.onInBand(request, now);
  }

  /** `onReplay` threw or rejected, or its result did while it was read. */
  onReplayFailed(request: ReplayRequest<Message>, error: Error): void {
    if (request.state !== "running") return;
    this.#port.onError(error);
    this.#recovery.onFailed(request);
  }

  onTimer(now: number): void {
    this.#recovery.onTimer(now);
  }

  /**
   * A second connection is open while the first one is in use. From now on the messages of the new connection wait,
   * duplicates are removed and no gap is reported. A replay of what may be missed is requested on the new connection.
   * @param maxWaiting - {@link ReplayPort.onOverlapFull} is called when this number of messages waits, or `maxBytes` of
   * the policy is reached.
   */
  beginOverlap(connection: number, maxWaiting: number, now: number): void {
    this.endOverlap(now);
    const { maxBytes } = this.#policy;
    const plan = { connection, maxWaiting, maxBytes, duplicatesBefore: this.duplicateCount };
    const onCaughtUp = (): void => this.#port.onOverlapCaughtUp();
    const onFull = (): void => this.#port.onOverlapFull();
    this.#overlap = new Overlap(plan, { onCaughtUp, onFull });
    this.#recovery.overlap = this.#overlap;
    this.#waitingConnection = connection;
    this.#streams.freeze();
    this.#recovery.isDeferring = true;
    this.#recovery.resume(this.#streams, connection, now);
  }

  /**
   * The old connection has ended: delivers the waiting messages of the new one and reports gaps.
   * @returns The number of duplicates that were removed in the overlap.
   */
  endOverlap(now: number): number {
    const overlap = this.#overlap;
    if (overlap === undefined) return 0;
    if (overlap.isOver) this.#goOffline();
    else this.#recovery.connection = overlap.connection;
    this.#recovery.requests.endOn((connection) => connection !== overlap.connection);
    this.#deliverWaiting(overlap, now);
    this.#recovery.endDeferring(now, false);
    return this.duplicateCount - overlap.duplicatesBefore;
  }

  /**
   * The new connection has ended and the old one stays: adds the waiting messages to those of the old connection.
   * @returns The number of duplicates that were removed in the overlap.
   */
  cancelOverlap(now: number): number {
    const overlap = this.#overlap;
    if (overlap === undefined) return 0;
    this.#recovery.requests.endOn((connection) => connection === overlap.connection);
    this.#deliverWaiting(overlap, now);
    this.#recovery.endDeferring(now, true);
    return this.duplicateCount - overlap.duplicatesBefore;
  }

  #deliverWaiting(overlap: Overlap<Message>, now: number): void {
    this.#overlap = undefined;
    this.#recovery.overlap = undefined;
    this.#waitingConnection = 0;
    for (const waiting of overlap.end()) this.#leavingOverlap.push(waiting);
    this.#deliverLeavingOverlap(now);
    this.#streams.thaw();
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
