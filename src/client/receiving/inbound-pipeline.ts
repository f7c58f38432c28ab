// Passes received messages from the connections to the dispatcher. With the option `replay`, messages are passed in
// sequence and without duplicates. This module does not choose the consumer of a message.
import type { Cursors } from "../../options/layer-options.js";
import { Replay } from "../../buffer/replay.js";
import type { ReplayPort } from "../../buffer/replay-port.js";
import type { ReplayRequest } from "../../buffer/message-stream.js";
import type { Sequence } from "../../buffer/sequence-window.js";
import { JetSocketError } from "../../errors.js";
import type { Emitter } from "../../events/emitter.js";
import type { DroppedEvent, EventMap } from "../../events/event-map.js";
import type { SetupConnection } from "../../options/options.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import type { Runtime, Timer } from "../../runtime/runtime.js";
import { toError } from "../../runtime/to-error.js";
import { isUndecodable } from "./decoder.js";
import { decoded, type ReceivedMessage, memoryOf, detachedMessage } from "./received-message.js";
import type { Dispatcher } from "./dispatcher.js";

type ReplayOptions = NonNullable<ResolvedOptions["replay"]>;

export interface InboundPipelineHandler {
  /** Returns the connection object for `onReplay`; `undefined` if the connection has ended. */
  connectionOf(connection: number): SetupConnection<unknown, unknown> | undefined;
  /**
   * Called with each decoded message if `isInspected` is `true`.
   * @returns `true` if the message answers an application ping.
   */
  onDecoded(message: unknown, at: number, connection: number): boolean;
  onError(error: unknown): void;
  /**
   * A user function threw an error.
   * @param what - The subject of the error message, such as `A function of the option replay`.
   */
  onFunctionError(what: string, thrown: unknown): void;
  /** `true` after the event `closed`. No event may follow that event. */
  readonly isSettled: boolean;
  onDropped(event: DroppedEvent): void;
}

interface OverlapOwner {
  onCaughtUp(): void;
  onFull(): void;
}

interface InboundPipelineContext {
  readonly runtime: Runtime;
  readonly replay: ReplayOptions | undefined;
  readonly emitter: Emitter<EventMap<unknown>>;
  readonly dispatcher: Dispatcher;
  readonly statistics: { messagesReceived: number; payloadBytesReceived: number };
  /** `true` if every message is decoded and passed to `onDecoded`. */
  readonly isInspected: boolean;
  /** The limit in bytes of all reorder buffers together. The buffer of an overlap has a limit of the same size. */
  readonly maxBytes: number;
}

/** The default of the option `replay.maxStreams`. */
const defaultMaxStreams = 10_000;

/**
 * The replay settings while two connections are open during a rotation, if the option `replay` is not set. Messages
 * then have no sequence numbers.
 */
const overlapOnlyOptions = {
  sequence: () => undefined,
  ...{ isNext: undefined, streamOf: undefined, epochOf: undefined, onReplay: undefined, cursors: undefined },
  ...{ window: 1, maxWaiting: 1, maxStreams: undefined, recoveryTimeout: 1 },
};

export class InboundPipeline implements ReplayPort<ReceivedMessage> {
  /** Returns the memory of an entry in bytes. The replay engine calls this function. */
  readonly sizeOf: (entry: ReceivedMessage) => number = memoryOf;
  readonly #context: InboundPipelineContext;
  readonly #handler: InboundPipelineHandler;
  // Copies of properties of the context that are read for each message.
  readonly #runtime: Runtime;
  readonly #dispatcher: Dispatcher;
  readonly #statistics: InboundPipelineContext["statistics"];
  readonly #isInspected: boolean;
  #replay: Replay<unknown, ReceivedMessage> | undefined;
  /** Receives the events of a rotation with overlap. `undefined` while no such rotation is in progress. */
  #overlapOwner: OverlapOwner | undefined;
  #timer: Timer | undefined;
  readonly #counts = { gapCount: 0, recoveredCount: 0, resetCount: 0 };

  /** @throws TypeError for an invalid cursor in `replay.cursors`. */
  constructor(context: InboundPipelineContext, handler: InboundPipelineHandler) {
    this.#context = context;
    this.#handler = handler;
    this.#runtime = context.runtime;
    this.#dispatcher = context.dispatcher;
    this.#statistics = context.statistics;
    this.#isInspected = context.isInspected;
    if (context.replay !== undefined) this.#replay = this.#createReplay(context.replay);
  }

  /** The counters of gaps and duplicates. */
  get counts(): Readonly<Record<"gapCount" | "recoveredCount" | "resetCount" | "duplicateCount", number>> {
    return { ...this.#counts, duplicateCount: this.#replay?.duplicateCount ?? 0 };
  }

  /** The number of messages that are buffered because of a gap or an overlap. */
  get heldCount(): number {
    return this.#replay?.heldCount ?? 0;
  }

  /** The positions of all streams. Messages in the inbox do not count as read. */
  get cursors(): Cursors {
    return this.#replay?.cursors(this.#dispatcher.waiting.map(({ value }) => value)) ?? {};
  }

  /** `true` if messages can be delivered as borrowed views: no code decodes or keeps a message. */
  get isLending(): boolean {
    return this.#replay === undefined && !this.#isInspected && this.#dispatcher.isLending;
  }

  /** @param at - The time at which the last bytes of the message arrived. */
  receive(connection: number, data: string | Buffer, size: number, at: number): void {
    this.#statistics.messagesReceived++;
    this.#statistics.payloadBytesReceived += size;
    const replay = this.#replay;
    if (replay === undefined && !this.#isInspected) {
      this.#dispatcher.receive(data, size, at);
      return;
    }
    const value = this.#dispatcher.decoder.decode(data);
    if (isUndecodable(value)) {
      this.#dispatcher.listeners.emitRaw(data);
      return;
    }
    if (this.#isInspected && this.#handler.onDecoded(value, at, connection)) return;
    const position = replay?.locate(value, connection);
    if (position === undefined) this.#dispatcher.deliverValue(value, data, size, at);
    else replay!.receive(detachedMessage(value, data, size, at), position, connection, at);
  }

  /** Call this when a connection is open and set up. Requests the messages that were missed without a connection. */
  onConnection(connection: number): void {
    this.#replay?.onConnection(connection, this.#runtime.now());
  }

  onConnectionEnd(connection: number): void {
    this.#replay?.onConnectionEnd(connection);
  }

  /** A newer connection is open. The messages of `connection` are buffered until the older connection has ended. */
  beginOverlap(connection: number, maxWaiting: number, owner: OverlapOwner): void {
    this.#overlapOwner = owner;
    this.#replay ??= this.#createReplay(overlapOnlyOptions);
    this.#replay.beginOverlap(connection, maxWaiting, this.#runtime.now());
  }

  /** The older connection has ended. @returns the number of removed duplicates. */
  endOverlap(): number {
    const duplicates = this.#replay?.endOverlap(this.#runtime.now()) ?? 0;
    this.#removeOverlapOnlyReplay();
    return duplicates;
  }

  /** The newer connection has ended. The older connection stays in use. */
  cancelOverlap(): void {
    this.#replay?.cancelOverlap(this.#runtime.now());
    this.#removeOverlapOnlyReplay();
  }

  #removeOverlapOnlyReplay(): void {
    if (this.#context.replay === undefined) this.#replay = undefined;
  }

  /** Stops the timer of the replay engine. */
  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** The client has ended. Delivers all buffered messages. */
  finish(): void {
    this.#replay?.finish(this.#runtime.now());
    this.stop();
  }

  #createReplay(options: ReplayOptions): Replay<unknown, ReceivedMessage> {
    const { onReplay, maxStreams = defaultMaxStreams, ...policy } = options;
    const { maxBytes } = this.#context;
    return new Replay({ ...policy, maxBytes, maxStreams, hasReplay: onReplay !== undefined }, this);
  }

  // The following methods are called by the replay engine.

  deliver(entry: ReceivedMessage): void {
    if (this.#isAfterEnd())
      this.#handler.onDropped({ direction: "in", message: entry.value, cause: "closed" });
    else this.#dispatcher.deliver(entry);
  }

  /** A listener of `gap` or `reset` may end the client during a delivery. No message may follow that end. */
  #isAfterEnd(): boolean {
    return this.#handler.isSettled && !this.#dispatcher.isEndPending;
  }

  onGap(stream: string, expected: number | undefined, received: Sequence): void {
    this.#counts.gapCount++;
    this.#emit("gap", { stream, expected, received });
  }

  onRecovered(stream: string, count: number): void {
    this.#counts.recoveredCount += count;
    this.#emit("recovered", { stream, count });
  }

  onReset(stream: string): void {
    this.#counts.resetCount++;
    this.#emit("reset", { stream });
  }

  /** Emits an event. After the event `closed`, readers may receive messages, but no event is emitted. */
  #emit<Name extends "gap" | "recovered" | "reset">(name: Name, event: EventMap<unknown>[Name]): void {
    if (!this.#dispatcher.isEndPending && !this.#isAfterEnd()) this.#context.emitter.emit(name, event);
  }

  /**
   * A JetSocketError comes from a call that `onReplay` made on its connection object. Such an error is not a fault of
   * `onReplay`.
   */
  onError(error: unknown): void {
    if (error instanceof JetSocketError) this.#handler.onError(error);
    else this.#handler.onFunctionError("A function of the option replay", error);
  }

  startReplay(request: ReplayRequest<ReceivedMessage>): void {
    void this.#requestReplay(request);
  }

  onOverlapCaughtUp(): void {
    this.#overlapOwner?.onCaughtUp();
  }

  onOverlapFull(): void {
    this.#overlapOwner?.onFull();
  }

  onNextAt(at: number): void {
    this.stop();
    if (at === Infinity || this.#dispatcher.isEndPending) return;
    this.#timer = this.#runtime.setTimer(Math.max(at - this.#runtime.now(), 0), () => {
      this.#replay?.onTimer(this.#runtime.now());
    });
    // This timer never keeps the process running. The connection or the reconnect timer does.
    this.#timer.unref();
  }

  /** Calls the option `onReplay` and passes the returned messages to the replay engine. */
  async #requestReplay(request: ReplayRequest<ReceivedMessage>): Promise<void> {
    const replay = this.#replay!;
    try {
      const connection = this.#handler.connectionOf(request.connection)!;
      const result = await this.#context.replay!.onReplay!(request.cursors, connection);
      if (result === undefined) replay.onReplayInBand(request, this.#runtime.now());
      else await this.#receiveReplayed(replay, request, result);
    } catch (error) {
      replay.onReplayFailed(request, toError(error, "replay.onReplay"));
    }
  }

  async #receiveReplayed(
    replay: Replay<unknown, ReceivedMessage>,
    request: ReplayRequest<ReceivedMessage>,
    result: Iterable<unknown> | AsyncIterable<unknown>,
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
      // An async iterable waits while reading is paused. An array does not wait, because its messages are in memory
      // already.
      if (isAsync) await this.#dispatcher.untilReadable();
    }
    replay.onReplayReturned(request, this.#runtime.now());
  }
}
