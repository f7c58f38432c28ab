// Passes received messages from the connections to the dispatcher: directly, or in sequence and without duplicates if
// the option `replay` is set. It does not choose which consumer receives a message.
import type { Cursors } from "../../options/layer-options.js";
import { Replay } from "../../buffer/replay.js";
import type { ReplayPolicy, ReplayPort } from "../../buffer/replay-port.js";
import type { ReplayRequest } from "../../buffer/message-stream.js";
import type { Sequence } from "../../buffer/sequence-window.js";
import { JetSocketError } from "../../errors.js";
import type { Emitter } from "../../events/emitter.js";
import type { EventMap } from "../../events/event-map.js";
import type { SetupConnection } from "../../options/options.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";
import { toError } from "../../runtime/to-error.js";
import { type Decoder, isUndecodable } from "./decoder.js";
import { decoded, type ReceivedMessage, memoryOf, detachedMessage } from "./received-message.js";
import type { Dispatcher } from "./dispatcher.js";

type ReplayOptions<Received> = NonNullable<ResolvedOptions<Received, never>["replay"]>;

export interface InboundPipelineHandler<Received, Sent> {
  /** The connection object for `onReplay`; `undefined` if the connection has ended. */
  connectionOf(connection: number): SetupConnection<Received, Sent> | undefined;
  /**
   * Called for each message if messages are inspected.
   *
   * @returns `true` if the message answers an application ping; it is then not delivered.
   */
  onDecoded(message: Received, at: number, connection: number): boolean;
  onError(error: unknown): void;
  /** A user function threw an error. @param what - For example `A function of the option replay`. */
  onFunctionError(what: string, thrown: unknown): void;
  onOverlapCaughtUp(): void;
  onOverlapFull(): void;
  /** `closed` was emitted: no event may follow. */
  readonly isSettled: boolean;
  onDropped(event: EventMap<Received>["dropped"]): void;
}

/** The counters of received messages. */
export interface ReceiveCounters {
  messagesReceived: number;
  payloadBytesReceived: number;
}

/** The default of the option `replay.maxStreams`. */
const defaultMaxStreams = 10_000;

/**
 * The replay options during an overlap without the option `replay`: messages have no sequence and are only kept in
 * order.
 */
const overlapOnlyOptions = {
  ...{ sequence: () => undefined, isNext: undefined, streamOf: undefined, epochOf: undefined },
  ...{
    onReplay: undefined,
    window: 1,
    maxWaiting: 1,
    maxStreams: undefined,
    recoveryTimeout: 1,
    cursors: undefined,
  },
};

export class InboundPipeline<Received, Sent> implements ReplayPort<ReceivedMessage<Received>> {
  readonly #runtime: Runtime;
  readonly #options: ReplayOptions<Received> | undefined;
  readonly #emitter: Emitter<EventMap<Received>>;
  readonly #dispatcher: Dispatcher<Received>;
  readonly #statistics: ReceiveCounters;
  readonly #decoder: Decoder<Received>;
  readonly #handler: InboundPipelineHandler<Received, Sent>;
  readonly #isInspected: boolean;
  readonly #maxBytes: number;
  #replay: Replay<Received, ReceivedMessage<Received>> | undefined;
  #timer: Timer | undefined;
  #gapCount = 0;
  #recoveredCount = 0;
  #resetCount = 0;

  /** @throws TypeError for an invalid cursor in `replay.cursors`. */
  constructor(
    context: {
      readonly runtime: Runtime;
      readonly replay: ReplayOptions<Received> | undefined;
      readonly emitter: Emitter<EventMap<Received>>;
      readonly dispatcher: Dispatcher<Received>;
      readonly statistics: ReceiveCounters;
      /** `true` if every message is decoded and passed to `onDecoded`. */
      readonly isInspected: boolean;
      /**
       * The limit in bytes for the reorder buffers of all streams together, and the same limit for the buffer of an
       * overlap.
       */
      readonly maxBytes: number;
    },
    handler: InboundPipelineHandler<Received, Sent>,
  ) {
    this.#runtime = context.runtime;
    this.#options = context.replay;
    this.#emitter = context.emitter;
    this.#dispatcher = context.dispatcher;
    this.#statistics = context.statistics;
    this.#decoder = context.dispatcher.decoder;
    this.#isInspected = context.isInspected;
    this.#maxBytes = context.maxBytes;
    this.#handler = handler;
    if (context.replay !== undefined) this.#replay = this.#createReplay(context.replay);
  }

  get gapCount(): number {
    return this.#gapCount;
  }

  get recoveredCount(): number {
    return this.#recoveredCount;
  }

  get resetCount(): number {
    return this.#resetCount;
  }

  get duplicateCount(): number {
    return this.#replay?.duplicateCount ?? 0;
  }

  /** The number of buffered messages: those that follow a gap, and those that wait for the end of an overlap. */
  get heldCount(): number {
    return this.#replay?.heldCount ?? 0;
  }

  /** The position of each stream. Messages in the inbox do not count as read. */
  get cursors(): Cursors {
    return this.#replay?.cursors(this.#dispatcher.waiting.map(({ value }) => value)) ?? {};
  }

  /**
   * `true` if messages can be delivered as borrowed views: nothing decodes them here, and every consumer accepts a
   * view.
   */
  get isLending(): boolean {
    return this.#replay === undefined && !this.#isInspected && this.#dispatcher.isLending;
  }

  /** @param at - The time at which the last bytes of the message arrived. */
  receive(connection: number, data: string | Buffer, size: number, at: number): void {
    this.#statistics.messagesReceived++;
    this.#statistics.payloadBytesReceived += size;
    if (this.#isInspected) {
      this.#receiveInspected(connection, data, size, at);
      return;
    }
    const replay = this.#replay;
    if (replay === undefined) {
      this.#dispatcher.receive(data, size, at);
      return;
    }
    const value = this.#decoder.decode(data);
    if (isUndecodable(value)) {
      this.#dispatcher.listeners.emitRaw(data);
      return;
    }
    const position = replay.locate(value, connection);
    if (position === undefined) this.#dispatcher.deliverValue(value, data, size, at);
    else replay.receive(detachedMessage(value, data, size, at), position, connection, at);
  }

  #receiveInspected(connection: number, data: string | Buffer, size: number, at: number): void {
    const replay = this.#replay;
    const value = this.#decoder.decode(data);
    if (isUndecodable(value)) {
      this.#dispatcher.listeners.emitRaw(data);
      return;
    }
    if (this.#handler.onDecoded(value, at, connection)) return;
    const position = replay?.locate(value, connection);
    if (position === undefined) this.#dispatcher.deliverValue(value, data, size, at);
    else replay!.receive(detachedMessage(value, data, size, at), position, connection, at);
  }

  /** A connection is open and set up. Requests the missed messages. */
  onConnection(connection: number): void {
    this.#replay?.onConnection(connection, this.#runtime.now());
  }

  onConnectionEnd(connection: number): void {
    this.#replay?.onConnectionEnd(connection);
  }

  /** From now on, messages of `connection` are buffered until the older connection has ended. */
  beginOverlap(connection: number, maxWaiting: number): void {
    this.#replay ??= this.#createReplay(overlapOnlyOptions);
    this.#replay.beginOverlap(connection, maxWaiting, this.#runtime.now());
  }

  /** The older connection has ended. @returns the number of duplicates that were removed. */
  endOverlap(): number {
    const duplicates = this.#replay?.endOverlap(this.#runtime.now()) ?? 0;
    this.#removeOverlapOnlyReplay();
    return duplicates;
  }

  /** The newer connection has ended, and the older one stays in use. */
  cancelOverlap(): void {
    this.#replay?.cancelOverlap(this.#runtime.now());
    this.#removeOverlapOnlyReplay();
  }

  #removeOverlapOnlyReplay(): void {
    if (this.#options === undefined) this.#replay = undefined;
  }

  /** The client ends: stops the timer. */
  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** Delivers all buffered messages. */
  finish(): void {
    this.#replay?.finish(this.#runtime.now());
    this.stop();
  }

  #createReplay(options: ReplayOptions<Received>): Replay<Received, ReceivedMessage<Received>> {
    return new Replay<Received, ReceivedMessage<Received>>(policyOf(options, this.#maxBytes), this);
  }

  // Called by the replay engine.

  sizeOf(entry: ReceivedMessage<Received>): number {
    return memoryOf(entry);
  }

  deliver(entry: ReceivedMessage<Received>): void {
    if (this.#isAfterEnd())
      this.#handler.onDropped({ direction: "in", message: entry.value, cause: "closed" });
    else this.#dispatcher.deliver(entry);
  }

  /**
   * A listener of `gap` or `reset` may have ended the client during a delivery. No message may be delivered after that
   * end.
   */
  #isAfterEnd(): boolean {
    return this.#handler.isSettled && !this.#dispatcher.isEndPending;
  }

  onGap(stream: string, expected: number | undefined, received: Sequence): void {
    this.#gapCount++;
    this.#emit("gap", { stream, expected, received });
  }

  onRecovered(stream: string, count: number): void {
    this.#recoveredCount += count;
    this.#emit("recovered", { stream, count });
  }

  onReset(stream: string): void {
    this.#resetCount++;
    this.#emit("reset", { stream });
  }

  /** Readers may receive messages after `closed`, but no event may follow it. */
  #emit<Name extends "gap" | "recovered" | "reset">(name: Name, event: EventMap<Received>[Name]): void {
    if (!this.#dispatcher.isEndPending && !this.#isAfterEnd()) this.#emitter.emit(name, event);
  }

  /** A JetSocketError comes from a call that `onReplay` made on its connection: the function itself has no bug. */
  onError(error: Error): void {
    if (error instanceof JetSocketError) this.#handler.onError(error);
    else this.#handler.onFunctionError("A function of the option replay", error);
  }

  startReplay(request: ReplayRequest<ReceivedMessage<Received>>): void {
    void this.#requestReplay(request);
  }

  onOverlapCaughtUp(): void {
    this.#handler.onOverlapCaughtUp();
  }

  onOverlapFull(): void {
    this.#handler.onOverlapFull();
  }

  onNextAt(at: number): void {
    this.#timer?.clear();
    this.#timer = undefined;
    if (at === Infinity || this.#dispatcher.isEndPending) return;
    this.#timer = this.#runtime.setTimer(Math.max(at - this.#runtime.now(), 0), () => {
      this.#replay?.onTimer(this.#runtime.now());
    });
    // This timer never keeps the process running: the connection or the reconnect timer does, unless `unref()` was
    // called.
    this.#timer.unref();
  }

  /** Calls the option `onReplay` and passes the returned messages to the replay engine. */
  async #requestReplay(request: ReplayRequest<ReceivedMessage<Received>>): Promise<void> {
    const replay = this.#replay!;
    try {
      const connection = this.#handler.connectionOf(request.connection);
      const result = await this.#options!.onReplay!(
        request.cursors,
        connection as SetupConnection<Received, never>,
      );
      if (result === undefined) replay.onReplayInBand(request, this.#runtime.now());
      else await this.#receiveReplayed(replay, request, result);
    } catch (error) {
      replay.onReplayFailed(request, toError(error, "replay.onReplay"));
    }
  }

  async #receiveReplayed(
    replay: Replay<Received, ReceivedMessage<Received>>,
    request: ReplayRequest<ReceivedMessage<Received>>,
    result: Iterable<Received> | AsyncIterable<Received>,
  ): Promise<void> {
    const isObject = typeof result === "object" && (result as unknown) !== null;
    if (!isObject || !(Symbol.iterator in result || Symbol.asyncIterator in result)) {
      const message = "replay.onReplay must return an array or an async iterable of messages, or undefined.";
      throw new JetSocketError(message, { code: "REPLAY_FUNCTION_FAILED" });
    }
    const isAsync = Symbol.asyncIterator in result;
    for await (const value of result) {
      const entry = decoded(value, undefined, 0, this.#runtime.now());
      if (!replay.onReplayed(request, value, entry, entry.at)) return;
      // Back-pressure for an async iterable. The messages of an array are already in memory.
      if (isAsync) await this.#dispatcher.untilReadable();
    }
    replay.onReplayReturned(request, this.#runtime.now());
  }
}

function policyOf<Received>(options: ReplayOptions<Received>, maxBytes: number): ReplayPolicy<Received> {
  const { onReplay, maxStreams = defaultMaxStreams, ...policy } = options;
  return { ...policy, maxBytes, maxStreams, hasReplay: onReplay !== undefined };
}
