import type { Delivery, Judgement } from "./delivery.js";
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
  readonly #holds: ReorderBuffers<Message>;

  constructor(policy: ReplayPolicy<never>, port: ReplayPort<Message>, delivery: Delivery<Message>) {
    this.#policy = policy;
    this.#port = port;
    this.#delivery = delivery;
    this.#holds = new ReorderBuffers(policy.maxBytes, (at) => port.onNextAt(at));
    this.requests = new ReplayRequests(policy.recoveryTimeout);
  }

  get nextAt(): number {
    return this.#holds.nextAt;
  }

  get heldCount(): number {
    return this.#holds.messageCount;
  }

  judge(arrival: Arrival<Message>): Judgement {
    return this.#delivery.judge(arrival, this.requests.covers(arrival.stream, arrival.at));
  }

  /** Delivers a message, holds it, or removes it. */
  take(arrival: Arrival<Message>): void {
    const judgement = this.judge(arrival);
    if (judgement === "ahead") this.#onAhead(arrival);
    else if (judgement === "first" || judgement === "behind") this.#onRestart(arrival, judgement);
    else if (judgement === "double" && this.#isStuck(arrival)) this.#onRestart(arrival, "behind");
    else this.#onKnown(arrival, judgement);
  }

  #onKnown(arrival: Arrival<Message>, judgement: "next" | "late" | "double" | "unreadable"): void {
    const { stream, request } = arrival;
    const told = stream.hold?.told;
    const isMissed = told !== undefined || (request !== undefined && request === stream.replay);
    if (isMissed && (judgement === "next" || judgement === "late")) stream.recoveredCount++;
    this.#delivery.apply(arrival, judgement);
    this.#drain(stream, arrival.at);
  }

  /** So many doubles in a row that the numbering must have begun anew within the window. */
  #isStuck({ stream, request, at }: Arrival<Message>): boolean {
    if (this.isDeferring || request !== undefined || this.requests.covers(stream, at)) return false;
    return stream.countDuplicate(this.#policy.window);
  }

  /** A numbering begins with this message. */
  #onRestart(arrival: Arrival<Message>, judgement: "first" | "behind"): void {
    const { stream, request, at } = arrival;
    if (request !== undefined) {
      stream.recoveredCount++;
      // The gap that was told ends with the reset that comes.
      if (stream.hold !== undefined && judgement === "behind") stream.hold.told = undefined;
    } else if (this.requests.isReturning(stream, at) && stream.replay!.connection === arrival.connection) {
      this.#keep(arrival, judgement === "first");
      return;
    } else if (stream.hold !== undefined) {
      this.#giveUp(stream);
      this.take(arrival);
      return;
    }
    this.#delivery.apply(arrival, judgement);
    this.#drain(stream, at);
  }

  #onAhead(arrival: Arrival<Message>): void {
    const { stream, at } = arrival;
    const isFirst = stream.hold === undefined;
    if (isFirst && !this.#policy.hasReplay && !this.isDeferring) {
      this.#delivery.emitGap(arrival);
      this.#delivery.skipTo(arrival);
      return;
    }
    this.#keep(arrival, true);
    if (isFirst) this.#openGap(stream, at);
  }

  #keep(arrival: Arrival<Message>, isInOrder: boolean): void {
    const { stream, at } = arrival;
    const hold = stream.hold ?? this.#holds.begin(stream, at, this.requests.count);
    if (!this.#holds.add(hold, arrival, isInOrder)) this.#delivery.duplicateCount++;
    if (hold.length >= this.#policy.maxWaiting) this.#giveUp(stream);
    else this.#holds.arm(this.#endOf(hold));
    if (this.#holds.isFull) this.#makeRoom();
  }

  /** Gives up the largest holds until a quarter of the bound is free, so that one search for them serves many messages. */
  #makeRoom(): void {
    for (const stream of this.#holds.largestFirst()) {
      if (this.#holds.hasRoom) return;
      this.#giveUp(stream);
    }
  }

  /** Where something is missing before what is held: tells the gap, and plans to ask for it. */
  #openGap(stream: MessageStream<Message>, now: number): void {
    const { hold } = stream;
    if (hold?.head === undefined || this.isDeferring || this.judge(hold.head) !== "ahead") return;
    hold.told = hold.head;
    this.#delivery.emitGap(hold.head);
    if (this.#policy.hasReplay) this.#planAsking(stream, now);
    else this.#giveUp(stream);
  }

  #planAsking(stream: MessageStream<Message>, now: number): void {
    const { hold } = stream;
    if (hold === undefined) return;
    hold.askOnlyAt = undefined;
    if (!this.requests.covers(stream, now)) hold.askAt = now;
    else if (stream.replay!.state === "inBand") this.#planLateAsking(stream, hold);
    this.#holds.arm(hold.askAt);
  }

  /** The missing may be on their way: only where none has come in half of the time they are asked for. */
  #planLateAsking(stream: MessageStream<Message>, hold: StreamBuffer<Message>): void {
    hold.askAt = hold.since + this.#policy.recoveryTimeout / 2;
    hold.askOnlyAt = stream.window.sequence;
  }

  /** Delivers what is held as far as nothing is missing before it. */
  #drain(stream: MessageStream<Message>, now: number): void {
    const { hold } = stream;
    if (hold === undefined) return;
    let isJoined = false;
    for (let head = hold.head; head !== undefined; head = hold.head) {
      const judgement = this.judge(head);
      if (judgement === "ahead") break;
      const isBeginning = judgement === "first" || judgement === "behind";
      if (isBeginning && this.requests.isReturning(stream, now)) break;
      if (hold.told !== undefined && hold.told !== head) stream.recoveredCount++;
      else if (!isJoined) {
        isJoined = true;
        this.#emitRecovered(stream);
        // Who was told may have ended the hold.
        if (stream.hold !== hold) return;
      }
      this.#holds.shift(hold);
      this.#delivery.apply(head, judgement);
    }
    if (stream.hold !== hold) return;
    if (hold.head === undefined) this.#holds.end(stream);
    else if (isJoined) {
      hold.since = hold.oldestAt;
      this.#openGap(stream, now);
    }
  }

  #emitRecovered(stream: MessageStream<Message>): void {
    const { hold, recoveredCount } = stream;
    if (stream.replay?.state === "inBand") stream.replay = undefined;
    if (hold?.told === undefined && recoveredCount === 0) return;
    if (hold !== undefined) hold.told = undefined;
    stream.recoveredCount = 0;
    this.#port.onRecovered(stream.name, recoveredCount);
  }

  /** What is missing is not waited for any longer: all that is held comes out. */
  #giveUp(stream: MessageStream<Message>): void {
    const { hold } = stream;
    if (hold?.head === undefined) return;
    this.#holds.end(stream);
    const released = this.#takeReleased(hold);
    if (released.length === 0) return;
    stream.replay = undefined;
    stream.recoveredCount = 0;
    const isAhead = this.judge(released[0]!) === "ahead";
    if (isAhead && hold.told === undefined) this.#delivery.emitGap(released[0]!);
    if ((isAhead || hold.told !== undefined) && this.#policy.hasReplay) this.#port.onReset(stream.name);
    this.#delivery.release(released);
  }

  /** What a hold gives up. The old link of an overlap may still bring what comes before the last messages of the new one: these wait again. */
  #takeReleased(hold: StreamBuffer<Message>): Arrival<Message>[] {
    const released: Arrival<Message>[] = [];
    for (let arrival = hold.shift(); arrival !== undefined; arrival = hold.shift()) released.push(arrival);
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
      if (stream.hold === undefined) this.#emitRecovered(stream);
      else this.#goOn(stream, request, isMoved, now);
    }
  }

  onInBand(request: ReplayRequest<Message>, now: number): void {
    for (const stream of this.requests.goInBand(request, now)) this.#goOn(stream, request, false, now);
  }

  /** A replay that has brought something, or was asked for before a gap was known, may be asked for again. */
  #goOn(
    stream: MessageStream<Message>,
    request: ReplayRequest<Message>,
    isMoved: boolean,
    now: number,
  ): void {
    const { hold } = stream;
    this.#drain(stream, now);
    if (hold?.told === undefined || stream.hold !== hold) return;
    if (isMoved || hold.requestsBefore >= request.number) this.#planAsking(stream, now);
  }

  onFailed(request: ReplayRequest<Message>): void {
    for (const stream of this.requests.end(request)) {
      if (!this.#isUndecided(stream)) this.#giveUp(stream);
    }
  }

  /** Whether its messages are missing shows when the overlap has ended. */
  #isUndecided({ hold }: MessageStream<Message>): boolean {
    return this.isDeferring && hold !== undefined && hold.told === undefined;
  }

  onTimer(now: number): void {
    const due: MessageStream<Message>[] = [];
    this.#holds.look((stream, hold) => {
      const endAt = this.#endOf(hold);
      if (now >= endAt) {
        this.#giveUp(stream);
        return Infinity;
      }
      if (now >= hold.askAt) {
        hold.askAt = Infinity;
        if (this.#isDue(stream, hold)) due.push(stream);
      }
      return Math.min(endAt, hold.askAt);
    });
    if (due.length > 0 && this.connection !== undefined)
      this.#start(this.requests.open(due, this.connection, now));
  }

  /** When what is held comes out in any case. */
  #endOf(hold: StreamBuffer<Message>): number {
    // Without a connection nothing can be repeated: the time counts from the next one on.
    if (this.isOffline || (this.isDeferring && hold.told === undefined)) return Infinity;
    return hold.since + this.#policy.recoveryTimeout;
  }

  #isDue(stream: MessageStream<Message>, hold: StreamBuffer<Message>): boolean {
    if (hold.askOnlyAt !== undefined && hold.askOnlyAt !== stream.window.sequence) return false;
    if (hold.told === undefined) this.#delivery.emitGap(hold.head!);
    hold.told ??= hold.head;
    return true;
  }

  /** Asks for all that may have been missed on the way to a new link. */
  resume(streams: Iterable<MessageStream<Message>>, connection: number, now: number): void {
    if (this.isOffline) this.#restartWaits(now);
    if (this.#policy.hasReplay) this.#start(this.requests.openForAll(streams, connection, now));
  }

  #restartWaits(now: number): void {
    this.isOffline = false;
    this.#holds.look((_stream, hold) => {
      hold.since = now;
      return Math.min(this.#endOf(hold), hold.askAt);
    });
  }

  #start(request: ReplayRequest<Message> | undefined): void {
    if (request !== undefined) this.#port.startReplay(request);
  }

  /**
   * The other link brings nothing more.
   * @param isPatient - What is missing may still come on the one that is left; else it is missing.
   */
  endDeferring(now: number, isPatient: boolean): void {
    this.isDeferring = false;
    this.#holds.look((stream, hold) => {
      const isUndecided = hold.told === undefined;
      if (isUndecided) this.#drain(stream, now);
      if (isUndecided && stream.hold === hold) {
        hold.since = now;
        if (!isPatient) this.#openGap(stream, now);
        else if (this.#policy.hasReplay) this.#planLateAsking(stream, hold);
      }
      return stream.hold === hold ? Math.min(this.#endOf(hold), hold.askAt) : Infinity;
    });
  }

  /** Nothing more comes: all that is held comes out. */
  giveUpAll(): void {
    this.#holds.look((stream) => {
      this.#giveUp(stream);
      return Infinity;
    });
  }
}
