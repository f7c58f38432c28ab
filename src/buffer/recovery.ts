import type { Delivery, ArrivalStatus } from "./delivery.js";
import { ReorderBuffers, type StreamBuffer } from "./reorder-buffers.js";
import type { Arrival, MessageStream, ReplayRequest } from "./message-stream.js";
import type { ReplayPolicy, ReplayPort } from "./replay-port.js";
import { ReplayRequests } from "./replay-requests.js";

/**
 * Brings the messages of streams into their order: what is not next is told and held, a replay is asked for, and what is
 * held comes out behind what was missing, or when that is not waited for any longer.
 */
export class Recovery<Message> {
  /** `true` while another link may still bring what is missing on this one: no gap is told, and no replay asked for. */
  isDeferring = false;
  /** The last link has ended, and none has followed. */
  isOffline = false;
  /** The link on which replays are asked for; `undefined` while there is none. */
  connection: number | undefined;
  /** The new link of an overlap, and what its messages wait in until the old one has ended. */
  overlap: { readonly connection: number; add(arrival: Arrival<Message>): void } | undefined;
  readonly requests: ReplayRequests<Message>;
  readonly #policy: ReplayPolicy<never>;
  readonly #port: ReplayPort<Message>;
  readonly #delivery: Delivery<Message>;
  readonly #buffers: ReorderBuffers<Message>;

  constructor(policy: ReplayPolicy<never>, port: ReplayPort<Message>, delivery: Delivery<Message>) {
    this.#policy = policy;
    this.#port = port;
    this.#delivery = delivery;
    this.#buffers = new ReorderBuffers(policy.maxBytes, (at) => port.onNextAt(at));
    this.requests = new ReplayRequests(policy.recoveryTimeout);
  }

  get nextAt(): number {
    return this.#buffers.nextAt;
  }

  get heldCount(): number {
    return this.#buffers.messageCount;
  }

  classify(arrival: Arrival<Message>): ArrivalStatus {
    return this.#delivery.classify(arrival, this.requests.covers(arrival.stream, arrival.at));
  }

  /** Delivers a message, holds it, or removes it. */
  take(arrival: Arrival<Message>): void {
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

  /** So many doubles in a row that the numbering must have begun anew within the window. */
  #isStuck({ stream, request, at }: Arrival<Message>): boolean {
    if (this.isDeferring || request !== undefined || this.requests.covers(stream, at)) return false;
    return stream.countDuplicate(this.#policy.window);
  }

  /** A numbering begins with this message. */
  #onRestart(arrival: Arrival<Message>, status: "first" | "restart"): void {
    const { stream, request, at } = arrival;
    if (request !== undefined) {
      stream.recoveredCount++;
      // The gap that was told ends with the reset that comes.
      if (stream.buffer !== undefined && status === "restart") stream.buffer.gapReportedBefore = undefined;
    } else if (this.requests.isReturningMessages(stream, at) && stream.replay!.connection === arrival.connection) {
      this.#bufferMessage(arrival, status === "first");
      return;
    } else if (stream.buffer !== undefined) {
      this.#giveUp(stream);
      this.take(arrival);
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
      this.#delivery.skipTo(arrival);
      return;
    }
    this.#bufferMessage(arrival, true);
    if (isFirst) this.#openGap(stream, at);
  }

  #bufferMessage(arrival: Arrival<Message>, isInOrder: boolean): void {
    const { stream, at } = arrival;
    const buffer = stream.buffer ?? this.#buffers.begin(stream, at, this.requests.count);
    if (!this.#buffers.add(buffer, arrival, isInOrder)) this.#delivery.duplicateCount++;
    if (buffer.length >= this.#policy.maxWaiting) this.#giveUp(stream);
    else this.#buffers.schedule(this.#endOf(buffer));
    if (this.#buffers.isFull) this.#makeRoom();
  }

  /** Gives up the largest holds until a quarter of the bound is free, so that one search for them serves many messages. */
  #makeRoom(): void {
    for (const stream of this.#buffers.largestFirst()) {
      if (this.#buffers.isBelowThreshold) return;
      this.#giveUp(stream);
    }
  }

  /** Where something is missing before what is held: tells the gap, and plans to ask for it. */
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
    this.#buffers.schedule(buffer.requestAt);
  }

  /** The missing may be on their way: only where none has come in half of the time they are asked for. */
  #planDelayedRequest(stream: MessageStream<Message>, buffer: StreamBuffer<Message>): void {
    buffer.requestAt = buffer.waitingSince + this.#policy.recoveryTimeout / 2;
    buffer.requestOnlyAtSequence = stream.window.sequence;
  }

  /** Delivers what is held as far as nothing is missing before it. */
  #drain(stream: MessageStream<Message>, now: number): void {
    const { buffer } = stream;
    if (buffer === undefined) return;
    let hasReachedBuffer = false;
    for (let head = buffer.head; head !== undefined; head = buffer.head) {
      const status = this.classify(head);
      if (status === "ahead") break;
      const isBeginning = status === "first" || status === "restart";
      if (isBeginning && this.requests.isReturningMessages(stream, now)) break;
      if (buffer.gapReportedBefore !== undefined && buffer.gapReportedBefore !== head) stream.recoveredCount++;
      else if (!hasReachedBuffer) {
        hasReachedBuffer = true;
        this.#emitRecovered(stream);
        // Who was told may have ended the hold.
        if (stream.buffer !== buffer) return;
      }
      this.#buffers.shift(buffer);
      this.#delivery.apply(head, status);
    }
    if (stream.buffer !== buffer) return;
    if (buffer.head === undefined) this.#buffers.end(stream);
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

  /** What is missing is not waited for any longer: all that is held comes out. */
  #giveUp(stream: MessageStream<Message>): void {
    const { buffer } = stream;
    if (buffer?.head === undefined) return;
    this.#buffers.end(stream);
    const released = this.#takeReleased(buffer);
    if (released.length === 0) return;
    stream.replay = undefined;
    stream.recoveredCount = 0;
    const isAhead = this.classify(released[0]!) === "ahead";
    if (isAhead && buffer.gapReportedBefore === undefined) this.#delivery.emitGap(released[0]!);
    if ((isAhead || buffer.gapReportedBefore !== undefined) && this.#policy.hasReplay) this.#port.onReset(stream.name);
    this.#delivery.release(released);
  }

  /** What a hold gives up. The old link of an overlap may still bring what comes before the last messages of the new one: these wait again. */
  #takeReleased(buffer: StreamBuffer<Message>): Arrival<Message>[] {
    const released: Arrival<Message>[] = [];
    for (let arrival = buffer.shift(); arrival !== undefined; arrival = buffer.shift()) released.push(arrival);
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
    for (const stream of this.requests.setInBand(request, now)) this.#requestRemaining(stream, request, false, now);
  }

  /** A replay that has brought something, or was asked for before a gap was known, may be asked for again. */
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
      if (!this.#isUndecided(stream)) this.#giveUp(stream);
    }
  }

  /** Whether its messages are missing shows when the overlap has ended. */
  #isUndecided({ buffer }: MessageStream<Message>): boolean {
    return this.isDeferring && buffer !== undefined && buffer.gapReportedBefore === undefined;
  }

  onTimer(now: number): void {
    const due: MessageStream<Message>[] = [];
    this.#buffers.forEach((stream, buffer) => {
      const endAt = this.#endOf(buffer);
      if (now >= endAt) {
        this.#giveUp(stream);
        return Infinity;
      }
      if (now >= buffer.requestAt) {
        buffer.requestAt = Infinity;
        if (this.#isDue(stream, buffer)) due.push(stream);
      }
      return Math.min(endAt, buffer.requestAt);
    });
    if (due.length > 0 && this.connection !== undefined)
      this.#start(this.requests.open(due, this.connection, now));
  }

  /** When what is held comes out in any case. */
  #endOf(buffer: StreamBuffer<Message>): number {
    // Without a connection nothing can be repeated: the time counts from the next one on.
    if (this.isOffline || (this.isDeferring && buffer.gapReportedBefore === undefined)) return Infinity;
    return buffer.waitingSince + this.#policy.recoveryTimeout;
  }

  #isDue(stream: MessageStream<Message>, buffer: StreamBuffer<Message>): boolean {
    if (buffer.requestOnlyAtSequence !== undefined && buffer.requestOnlyAtSequence !== stream.window.sequence) return false;
    if (buffer.gapReportedBefore === undefined) this.#delivery.emitGap(buffer.head!);
    buffer.gapReportedBefore ??= buffer.head;
    return true;
  }

  /** Asks for all that may have been missed on the way to a new link. */
  resume(streams: Iterable<MessageStream<Message>>, connection: number, now: number): void {
    if (this.isOffline) this.#restartWaits(now);
    if (this.#policy.hasReplay) this.#start(this.requests.openForAll(streams, connection, now));
  }

  #restartWaits(now: number): void {
    this.isOffline = false;
    this.#buffers.forEach((_stream, buffer) => {
      buffer.waitingSince = now;
      return Math.min(this.#endOf(buffer), buffer.requestAt);
    });
  }

  #start(request: ReplayRequest<Message> | undefined): void {
    if (request !== undefined) this.#port.startReplay(request);
  }

  /**
   * The other link brings nothing more.
   * @param mayStillArrive - What is missing may still come on the one that is left; else it is missing.
   */
  endDeferring(now: number, mayStillArrive: boolean): void {
    this.isDeferring = false;
    this.#buffers.forEach((stream, buffer) => {
      const isUndecided = buffer.gapReportedBefore === undefined;
      if (isUndecided) this.#drain(stream, now);
      if (isUndecided && stream.buffer === buffer) {
        buffer.waitingSince = now;
        if (!mayStillArrive) this.#openGap(stream, now);
        else if (this.#policy.hasReplay) this.#planDelayedRequest(stream, buffer);
      }
      return stream.buffer === buffer ? Math.min(this.#endOf(buffer), buffer.requestAt) : Infinity;
    });
  }

  /** Nothing more comes: all that is held comes out. */
  giveUpAll(): void {
    this.#buffers.forEach((stream) => {
      this.#giveUp(stream);
      return Infinity;
    });
  }
}
