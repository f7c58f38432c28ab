import type { Cursors } from "./cursor.js";
import { asError, Delivery } from "./delivery.js";
import type { Arrival, MessageStream, SequencePosition, ReplayRequest } from "./message-stream.js";
import { Overlap, type WaitingMessage } from "./overlap.js";
import { Recovery } from "./recovery.js";
import type { ReplayPolicy, ReplayPort } from "./replay-port.js";
import type { Sequence } from "./sequence-window.js";
import { StreamTable } from "./stream-table.js";

/**
 * Keeps received messages in sequence, over links: removes doubles, tells gaps, has what is missing repeated, and delivers
 * in order. Nothing that it is given is lost: each message is delivered once, or is the double of one that was.
 *
 * A link is the count of the connection: 1 for the first, and higher for each later one. `position` and `receive` are not to be
 * called from within a call of the port.
 *
 * `Value` is what the user's functions are asked about, `Message` what is made of it where it cannot go on at once.
 */
export class Replay<Value, Message> {
  readonly #policy: ReplayPolicy<Value>;
  readonly #port: ReplayPort<Message>;
  readonly #delivery: Delivery<Message>;
  readonly #recovery: Recovery<Message>;
  readonly #streams: StreamTable<Value, Message>;
  /** The stream of all messages, where ids count by one and nothing else is to be asked; from its first message on. */
  #singleStream: MessageStream<Message> | undefined;
  #overlap: Overlap<Message> | undefined;
  /** Messages of an overlap that has ended, while they are delivered. */
  readonly #leavingOverlap: WaitingMessage<Message>[] = [];
  /** The link whose messages wait in the overlap; 0 without one. */
  #waitingConnection = 0;

  /** @throws TypeError for a cursor that is none. */
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

  /** When {@link onTimer} is to be called; `Infinity` for not at all. */
  get nextAt(): number {
    return this.#recovery.nextAt;
  }

  /** Messages that wait: behind missing ones, or on the new link of an overlap. */
  get heldCount(): number {
    return this.#recovery.heldCount + (this.#overlap?.length ?? 0);
  }

  /** Messages that were removed because they had been delivered before. */
  get duplicateCount(): number {
    return this.#delivery.duplicateCount;
  }

  /**
   * Where each stream stands; give it to {@link ReplayPolicy.cursors} at a later start.
   * @param waiting - Delivered messages that nobody has consumed yet, the oldest first: the cursors are those before them.
   */
  cursors(waiting: Iterable<Value> = []): Cursors {
    return this.#streams.cursors(waiting);
  }

  /**
   * The hot path, on which nothing is made of a message.
   * @returns `undefined` where it is to be delivered now: it is next, and was taken, or outside of every sequence with nothing
   * to wait for. Else what {@link receive} is to be given.
   */
  locate(value: Value, connection: number): SequencePosition<Message> | "unsequenced" | undefined {
    const isFastPathAllowed = connection !== this.#waitingConnection;
    const { sequence } = this.#policy;
    try {
      const id = sequence(value);
      const window = isFastPathAllowed ? this.#singleStream?.fastPathWindow : undefined;
      // What is no id is not equal to the next number either.
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

  /** @param place - What {@link position} has given for it, just now. */
  receive(message: Message, position: SequencePosition<Message> | "unsequenced", connection: number, now: number): void {
    const bytes = this.#port.sizeOf(message);
    if (position === "unsequenced") this.#overlap!.add({ message, bytes, stream: undefined });
    else this.#receive({ ...position, message, bytes, connection, request: undefined, at: now });
  }

  #receive(arrival: Arrival<Message>): void {
    const overlap = this.#overlap;
    const { stream } = arrival;
    if (overlap === undefined) {
      this.#recovery.take(arrival);
      return;
    }
    const isNew = arrival.connection === overlap.connection && arrival.request === undefined;
    if (isNew) overlap.onNewConnectionMessage(arrival);
    if (isNew && stream.buffer === undefined) this.#waitInOverlap(overlap, arrival);
    else this.#takeFromBoth(overlap, arrival);
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

  /** A stream that holds in an overlap takes what it misses from either link. */
  #takeFromBoth(overlap: Overlap<Message>, arrival: Arrival<Message>): void {
    const { stream } = arrival;
    const wasHolding = stream.buffer !== undefined;
    this.#recovery.take(arrival);
    if (!wasHolding && stream.buffer !== undefined) {
      for (const waiting of overlap.pull(stream)) this.#recovery.take(waiting);
    }
    overlap.onCursorMoved(stream);
  }

  /** A connection is there, and the user's `onConnection` is done with it: what was missed is asked for. */
  onConnection(connection: number, now: number): void {
    this.#recovery.connection = connection;
    this.#recovery.resume(this.#streams, connection, now);
  }

  /** A connection has ended. What is held waits for the next one, as long as it may. */
  onConnectionEnd(connection: number): void {
    this.#recovery.requests.endOn((other) => other === connection);
    if (this.#overlap?.connection === connection) this.#overlap.isOver = true;
    if (this.#recovery.connection === connection) this.#goOffline();
  }

  /** No replay can be asked for before the next connection. */
  #goOffline(): void {
    this.#recovery.connection = undefined;
    this.#recovery.isOffline = true;
  }

  /**
   * A message that `onReplay` has returned.
   * @returns `false` where no more of them are wanted, for their connection has ended and the next one asks again.
   */
  onReplayed(request: ReplayRequest<Message>, value: Value, message: Message, now: number): boolean {
    if (request.state !== "running") return false;
    request.activeAt = now;
    const { connection } = request;
    const position = this.#positionOfReplayed(value, connection);
    if (position === "unsequenced") this.#port.deliver(message);
    else
      this.#receive({ ...position, message, bytes: this.#port.sizeOf(message), connection, request, at: now });
    return true;
  }

  /** All that `onReplay` has returned was given. */
  onReplayReturned(request: ReplayRequest<Message>, now: number): void {
    if (request.state === "running") this.#recovery.onReturned(request, now);
  }

  /** `onReplay` has returned nothing: the server repeats what is missing on the link. */
  onReplayInBand(request: ReplayRequest<Message>, now: number): void {
    if (request.state === "running") this.#recovery.onInBand(request, now);
  }

  /** `onReplay` has thrown or rejected, or what it has returned did. */
  onReplayFailed(request: ReplayRequest<Message>, error: Error): void {
    if (request.state !== "running") return;
    this.#port.onError(error);
    this.#recovery.onFailed(request);
  }

  onTimer(now: number): void {
    this.#recovery.onTimer(now);
  }

  /**
   * A second link is ready while the first one serves: its messages wait behind the old one's from now on, doubles are
   * removed, and no gap is told. What may be missed on the way is asked for on the new link.
   * @param maxWaiting - With so many of the new link's messages waiting, or `maxBytes` of the policy, {@link ReplayPort.onOverlapFull} is called.
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
   * The old link has ended: what waits of the new one follows, and gaps are judged.
   * @returns How many doubles were removed in the overlap.
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
   * The new link has ended, and the old one stays: what waits is delivered in its place among the messages to come.
   * @returns How many doubles were removed in the overlap.
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

  /** A handler of one of these messages may end the client: the rest is delivered before that end. */
  #deliverLeavingOverlap(now: number): void {
    for (let next = this.#leavingOverlap.shift(); next !== undefined; next = this.#leavingOverlap.shift()) {
      if (next.stream === undefined) this.#port.deliver(next.message);
      else {
        next.at = now;
        this.#recovery.take(next);
      }
    }
  }

  /** The end of a life: all that waits comes out. */
  finish(now: number): void {
    this.#delivery.finishRelease();
    this.#deliverLeavingOverlap(now);
    this.endOverlap(now);
    this.#recovery.requests.endOn(() => true);
    this.#recovery.connection = undefined;
    this.#recovery.giveUpAll();
  }
}
