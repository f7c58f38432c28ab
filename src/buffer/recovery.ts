// Restores the order of the messages of each stream. It reports gaps, buffers messages that are ahead, requests
// replays, and releases the buffered messages. It does not call the application itself, but through its port.
import type { ArrivalStatus, Delivery } from "./delivery.js";
import type { Arrival, MessageStream, ReplayRequest } from "./message-stream.js";
import type { Overlap } from "./overlap.js";
import { ReorderBuffers, type StreamBuffer } from "./reorder-buffers.js";
import type { ReplayPolicy, ReplayPort } from "./replay-port.js";
import { ReplayRequests } from "./replay-requests.js";

/** Handles the messages that cannot be delivered at once. */
export class Recovery<Message> {
  /**
   * True while a second connection may still deliver the missing messages. No gap is reported and no replay is
   * requested during that time.
   */
  isDeferring = false;
  /** True after the last connection has ended and before the next connection is open. */
  isOffline = false;
  /** The number of the connection on which replays are requested; `undefined` without a connection. */
  connection: number | undefined;
  /** Stores the messages of the new connection until the old connection has ended; `undefined` without an overlap. */
  overlap: Overlap<Message> | undefined;
  readonly requests: ReplayRequests<Message>;
  readonly buffers: ReorderBuffers<Message>;
  readonly #policy: ReplayPolicy<never>;
  readonly #port: ReplayPort<Message>;
  readonly #delivery: Delivery<Message>;

  constructor(policy: ReplayPolicy<never>, port: ReplayPort<Message>, delivery: Delivery<Message>) {
    this.#policy = policy;
    this.#port = port;
    this.#delivery = delivery;
    this.requests = new ReplayRequests(policy.recoveryTimeout);
    this.buffers = new ReorderBuffers(
      policy.maxBytes,
      (buffer) => Math.min(this.#endOf(buffer), buffer.requestAt),
      (at) => port.onNextAt(at),
    );
  }

  classify(arrival: Arrival<Message>): ArrivalStatus {
    return this.#delivery.classify(arrival, this.requests.covers(arrival.stream, arrival.at));
  }

  /** Delivers a message, buffers it, or removes it as a duplicate. */
  receive(arrival: Arrival<Message>): void {
    const status = this.classify(arrival);
    if (status === "ahead") this.#onAhead(arrival);
    else if (status === "first" || status === "restart") this.#onRestart(arrival, status);
    else if (status === "duplicate" && this.#isStuck(arrival)) this.#onRestart(arrival, "restart");
    else this.#onKnown(arrival, status);
  }

  #onKnown(arrival: Arrival<Message>, status: "next" | "late" | "duplicate" | "unclassified"): void {
    const { stream, request } = arrival;
    const gapReportedBefore = stream.buffer?.gapReportedBefore;
    const isMissed = gapReportedBefore !== undefined || (request !== undefined && request === stream.replay);
    if (isMissed && (status === "next" || status === "late")) stream.recoveredCount++;
    this.#delivery.apply(arrival, status);
    this.#drain(stream, arrival.at);
  }

  /**
   * Returns whether the number of duplicates in a row exceeds the size of the window. The numbering has then restarted
   * with an id inside the window.
   */
  #isStuck({ stream, request, at }: Arrival<Message>): boolean {
    if (this.isDeferring || request !== undefined || this.requests.covers(stream, at)) return false;
    return stream.countDuplicate(this.#policy.window);
  }

  /** Handles a message with which the numbering of its stream begins. */
  #onRestart(arrival: Arrival<Message>, status: "first" | "restart"): void {
    const { stream, request, at, connection } = arrival;
    if (request !== undefined) {
      stream.recoveredCount++;
      // The reset that follows also ends the reported gap.
      if (stream.buffer !== undefined && status === "restart") stream.buffer.gapReportedBefore = undefined;
    } else if (this.requests.isReturningMessages(stream, at) && stream.replay!.connection === connection) {
      this.#bufferMessage(arrival, status === "first");
      return;
    } else if (stream.buffer !== undefined) {
      this.#giveUp(stream);
      this.receive(arrival);
      return;
    }
    this.#delivery.apply(arrival, status);
    this.#drain(stream, at);
  }

  #onAhead(arrival: Arrival<Message>): void {
    const { stream, at } = arrival;
    const isFirst = stream.buffer === undefined;
    if (isFirst && !this.#policy.hasReplay && !this.isDeferring) {
      this.#delivery.emitGap(arrival);
      this.#delivery.apply(arrival, "ahead");
      return;
    }
    this.#bufferMessage(arrival, true);
    if (isFirst) this.#openGap(stream, at);
  }

  #bufferMessage(arrival: Arrival<Message>, isInOrder: boolean): void {
    const { stream, at } = arrival;
    const buffer = stream.buffer ?? this.buffers.begin(stream, at, this.requests.count);
    if (!buffer.insert(arrival, isInOrder)) this.#delivery.duplicateCount++;
    if (buffer.length >= this.#policy.maxWaiting) this.#giveUp(stream);
    else this.buffers.schedule(this.#endOf(buffer));
    if (this.buffers.isFull) this.#makeRoom();
  }

  /**
   * Gives up the largest buffers until a quarter of the limit is free. The next messages then need no new search for
   * the largest buffer.
   */
  #makeRoom(): void {
    for (const stream of this.buffers.largestFirst()) {
      if (this.buffers.isBelowThreshold) return;
      this.#giveUp(stream);
    }
  }

  /** Reports a gap if a message is missing before the buffered messages, and plans the replay request. */
  #openGap(stream: MessageStream<Message>, now: number): void {
    const { buffer } = stream;
    if (buffer?.head === undefined || this.isDeferring || this.classify(buffer.head) !== "ahead") return;
    buffer.gapReportedBefore = buffer.head;
    this.#delivery.emitGap(buffer.head);
    if (this.#policy.hasReplay) this.#planRequest(stream, now);
    else this.#giveUp(stream);
  }

  #planRequest(stream: MessageStream<Message>, now: number): void {
    const { buffer } = stream;
    if (buffer === undefined) return;
    buffer.requestOnlyAtSequence = undefined;
    if (!this.requests.covers(stream, now)) buffer.requestAt = now;
    else if (stream.replay!.state === "inBand") this.#planDelayedRequest(stream, buffer);
    this.buffers.schedule(buffer.requestAt);
  }

  /**
   * The missing messages may already be on their way. A replay is requested only if no missing message has arrived
   * after half of the time limit.
   */
  #planDelayedRequest(stream: MessageStream<Message>, buffer: StreamBuffer<Message>): void {
    buffer.requestAt = buffer.waitingSince + this.#policy.recoveryTimeout / 2;
    buffer.requestOnlyAtSequence = stream.window.sequence;
  }

  /** Delivers the buffered messages up to the next missing message. */
  #drain(stream: MessageStream<Message>, now: number): void {
    const { buffer } = stream;
    if (buffer === undefined) return;
    let hasReachedBuffer = false;
    for (let head = buffer.head; head !== undefined; head = buffer.head) {
      const status = this.classify(head);
      if (status === "ahead") break;
      const isBeginning = status === "first" || status === "restart";
      if (isBeginning && this.requests.isReturningMessages(stream, now)) break;
      if (buffer.gapReportedBefore !== undefined && buffer.gapReportedBefore !== head)
        stream.recoveredCount++;
      else if (!hasReachedBuffer) {
        hasReachedBuffer = true;
        this.#emitRecovered(stream);
        // A listener may have ended the buffer.
        if (stream.buffer !== buffer) return;
      }
      buffer.shift();
      this.#delivery.apply(head, status);
    }
    if (stream.buffer !== buffer) return;
    if (buffer.head === undefined) this.buffers.end(stream);
    else if (hasReachedBuffer) {
      buffer.waitingSince = buffer.oldestAt;
      this.#openGap(stream, now);
    }
  }

  #emitRecovered(stream: MessageStream<Message>): void {
    const { buffer, recoveredCount } = stream;
    if (stream.replay?.state === "inBand") stream.replay = undefined;
    if (buffer?.gapReportedBefore === undefined && recoveredCount === 0) return;
    if (buffer !== undefined) buffer.gapReportedBefore = undefined;
    stream.recoveredCount = 0;
    this.#port.onRecovered(stream.name, recoveredCount);
  }

  /** Stops waiting for the missing messages: delivers all buffered messages of the stream. */
  #giveUp(stream: MessageStream<Message>): void {
    const { buffer } = stream;
    if (buffer?.head === undefined) return;
    this.buffers.end(stream);
    const released = this.#removeReleased(buffer);
    if (released.length === 0) return;
    stream.replay = undefined;
    stream.recoveredCount = 0;
    const isAhead = this.classify(released[0]!) === "ahead";
    if (isAhead && buffer.gapReportedBefore === undefined) this.#delivery.emitGap(released[0]!);
    if ((isAhead || buffer.gapReportedBefore !== undefined) && this.#policy.hasReplay)
      this.#port.onReset(stream.name);
    this.#delivery.release(released);
  }

  /**
   * Removes and returns the messages of a buffer. In an overlap, the last messages of the new connection return to the
   * overlap, because the old connection may still deliver messages that precede them.
   */
  #removeReleased(buffer: StreamBuffer<Message>): Arrival<Message>[] {
    const released: Arrival<Message>[] = [];
    for (let arrival = buffer.shift(); arrival !== undefined; arrival = buffer.shift())
      released.push(arrival);
    const { overlap } = this;
    if (overlap === undefined) return released;
    const lastOld = released.findLastIndex(
      ({ connection, request }) => connection !== overlap.connection || request !== undefined,
    );
    for (const arrival of released.splice(lastOld + 1)) overlap.add(arrival);
    return released;
  }

  onReturned(request: ReplayRequest<Message>, now: number): void {
    for (const stream of this.requests.end(request)) {
      const isMoved = request.cursors[stream.name]?.sequence !== stream.window.sequence;
      if (stream.buffer === undefined) this.#emitRecovered(stream);
      else this.#requestRemaining(stream, request, isMoved, now);
    }
  }

  onInBand(request: ReplayRequest<Message>, now: number): void {
    for (const stream of this.requests.setInBand(request, now))
      this.#requestRemaining(stream, request, false, now);
  }

  /**
   * Delivers the buffered messages up to the next missing message, then requests a replay for the remaining gap. A new
   * request is useful only if `request` delivered a message or was made before the gap was known.
   */
  #requestRemaining(
    stream: MessageStream<Message>,
    request: ReplayRequest<Message>,
    isMoved: boolean,
    now: number,
  ): void {
    const { buffer } = stream;
    this.#drain(stream, now);
    if (buffer?.gapReportedBefore === undefined || stream.buffer !== buffer) return;
    if (isMoved || buffer.requestsBefore >= request.number) this.#planRequest(stream, now);
  }

  onFailed(request: ReplayRequest<Message>): void {
    for (const stream of this.requests.end(request)) {
      // During an overlap it is not known whether messages are missing.
      if (!this.isDeferring || stream.buffer?.gapReportedBefore !== undefined) this.#giveUp(stream);
    }
  }

  onTimer(now: number): void {
    const due: MessageStream<Message>[] = [];
    this.buffers.forEach((stream, buffer) => {
      const { sequence } = stream.window;
      if (now >= this.#endOf(buffer)) this.#giveUp(stream);
      else if (now >= buffer.requestAt) {
        buffer.requestAt = Infinity;
        if ((buffer.requestOnlyAtSequence ?? sequence) !== sequence) return;
        if (buffer.gapReportedBefore === undefined) this.#delivery.emitGap(buffer.head!);
        buffer.gapReportedBefore ??= buffer.head;
        due.push(stream);
      }
    });
    if (due.length > 0 && this.connection !== undefined)
      this.#start(this.requests.open(due, this.connection, now, false));
  }

  /** Returns the latest time at which the buffered messages are delivered. */
  #endOf(buffer: StreamBuffer<Message>): number {
    // Without a connection, no message can be repeated. The time limit then starts at the next connection.
    if (this.isOffline || (this.isDeferring && buffer.gapReportedBefore === undefined)) return Infinity;
    return buffer.waitingSince + this.#policy.recoveryTimeout;
  }

  /** Requests a replay of all messages that may have been missed before a new connection. */
  resume(streams: Iterable<MessageStream<Message>>, connection: number, now: number): void {
    if (this.isOffline) {
      this.isOffline = false;
      this.buffers.forEach((_stream, buffer) => (buffer.waitingSince = now));
    }
    if (this.#policy.hasReplay) this.#start(this.requests.open(streams, connection, now, true));
  }

  #start(request: ReplayRequest<Message> | undefined): void {
    if (request !== undefined) this.#port.startReplay(request);
  }

  /**
   * One of two connections has ended.
   * @param mayStillArrive - `true` if the remaining connection may still deliver the missing messages; `false` if a gap
   * must be reported.
   */
  endDeferring(now: number, mayStillArrive: boolean): void {
    this.isDeferring = false;
    this.buffers.forEach((stream, buffer) => {
      if (buffer.gapReportedBefore !== undefined) return;
      this.#drain(stream, now);
      if (stream.buffer !== buffer) return;
      buffer.waitingSince = now;
      if (!mayStillArrive) this.#openGap(stream, now);
      else if (this.#policy.hasReplay) this.#planDelayedRequest(stream, buffer);
    });
  }

  /** No more messages will arrive: delivers all buffered messages. */
  giveUpAll(): void {
    this.buffers.forEach((stream) => this.#giveUp(stream));
  }
}
