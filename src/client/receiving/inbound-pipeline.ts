import type { Cursors } from "../../buffer/cursor.js";
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
import { toError } from "../../transport/transport-error.js";
import { type Decoder, isUndecodable } from "./decoder.js";
import { decoded, type ReceivedMessage, memoryOf, detachedMessage } from "./received-message.js";
import type { Dispatcher } from "./dispatcher.js";

type ReplayOptions<Received> = NonNullable<ResolvedOptions<Received, never>["replay"]>;

export interface InboundPipelineHandler<Received, Sent> {
  /** What `onReplay` works on; `undefined` where that connection is gone. */
  connectionOf(connection: number): SetupConnection<Received, Sent> | undefined;
  /** A message came whose kind is watched; `true` where it is the answer to an application ping, and nobody's message. */
  onDecoded(message: Received, at: number, connection: number): boolean;
  onError(error: unknown): void;
  onOverlapJoined(): void;
  onOverlapFull(): void;
  /** `closed` was emitted: no event may follow. */
  readonly isSettled: boolean;
  onDropped(event: EventMap<Received>["dropped"]): void;
}

/** How many streams are remembered where the option `replay.maxStreams` says nothing. */
const defaultMaxStreams = 10_000;

/** Without the option `replay` there is no sequence, and an overlap has nothing but an order. */
const unnumbered = {
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

/** Brings what connections receive to the one receiver: at once, or in sequence and without doubles where `replay` asks for it. */
export class InboundPipeline<Received, Sent> implements ReplayPort<ReceivedMessage<Received>> {
  readonly #runtime: Runtime;
  readonly #options: ReplayOptions<Received> | undefined;
  readonly #emitter: Emitter<EventMap<Received>>;
  readonly #dispatcher: Dispatcher<Received>;
  readonly #decoder: Decoder<Received>;
  readonly #handler: InboundPipelineHandler<Received, Sent>;
  readonly #isWatched: boolean;
  readonly #maxBytes: number;
  #replay: Replay<Received, ReceivedMessage<Received>> | undefined;
  #timer: Timer | undefined;
  #gapCount = 0;
  #recoveredCount = 0;
  #resetCount = 0;

  /**
   * @param isWatched - `onDecoded` is to be asked for each message.
   * @throws TypeError for a cursor that is none.
   */
  constructor(
    context: {
      readonly runtime: Runtime;
      readonly replay: ReplayOptions<Received> | undefined;
      readonly emitter: Emitter<EventMap<Received>>;
      readonly dispatcher: Dispatcher<Received>;
      readonly isWatched: boolean;
      /** Bytes that the holds of all streams may take, and as many the hold of an overlap. */
      readonly maxBytes: number;
    },
    handler: InboundPipelineHandler<Received, Sent>,
  ) {
    this.#runtime = context.runtime;
    this.#options = context.replay;
    this.#emitter = context.emitter;
    this.#dispatcher = context.dispatcher;
    this.#decoder = context.dispatcher.decoder;
    this.#isWatched = context.isWatched;
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

  /** Messages that wait behind missing ones, or for the end of an overlap. */
  get heldCount(): number {
    return this.#replay?.heldCount ?? 0;
  }

  /** Where each stream stands, before what waits to be read. */
  get cursors(): Cursors {
    return this.#replay?.cursors(this.#dispatcher.waiting.map(({ value }) => value)) ?? {};
  }

  /** Messages may be lent: nothing here looks at them, and they go to handlers who ask for no more. */
  get isLending(): boolean {
    return this.#replay === undefined && !this.#isWatched && this.#dispatcher.isLending;
  }

  /** @param at - When its last bytes came. */
  receive(connection: number, data: string | Buffer, size: number, at: number): void {
    if (this.#isWatched) {
      this.#receiveWatched(connection, data, size, at);
      return;
    }
    const replay = this.#replay;
    if (replay === undefined) {
      this.#dispatcher.receive(data, size, at);
      return;
    }
    const value = this.#decoder.decode(data);
    if (isUndecodable(value)) {
      this.#dispatcher.handlers.emitRaw(data);
      return;
    }
    const place = replay.place(value, connection);
    if (place === undefined) this.#dispatcher.deliverValue(value, data, size, at);
    else replay.receive(detachedMessage(value, data, size, at), place, connection, at);
  }

  #receiveWatched(connection: number, data: string | Buffer, size: number, at: number): void {
    const replay = this.#replay;
    const value = this.#decoder.decode(data);
    if (isUndecodable(value)) {
      this.#dispatcher.handlers.emitRaw(data);
      return;
    }
    if (this.#handler.onDecoded(value, at, connection)) return;
    const place = replay?.place(value, connection);
    if (place === undefined) this.#dispatcher.deliverValue(value, data, size, at);
    else replay!.receive(detachedMessage(value, data, size, at), place, connection, at);
  }

  /** A connection is there and set up: what was missed is asked for. */
  onConnection(connection: number): void {
    this.#replay?.onConnection(connection, this.#runtime.now());
  }

  onConnectionEnd(connection: number): void {
    this.#replay?.onConnectionEnd(connection);
  }

  /** Messages of `connection` wait behind those of the older one from now on. */
  beginOverlap(connection: number, maxWaiting: number): void {
    this.#replay ??= this.#createReplay(unnumbered);
    this.#replay.beginOverlap(connection, maxWaiting, this.#runtime.now());
  }

  /** The older link has ended. @returns How many doubles were removed. */
  endOverlap(): number {
    const duplicates = this.#replay?.endOverlap(this.#runtime.now()) ?? 0;
    this.#dropUnnumbered();
    return duplicates;
  }

  /** The newer link has ended, and the older one stays. */
  cancelOverlap(): void {
    this.#replay?.cancelOverlap(this.#runtime.now());
    this.#dropUnnumbered();
  }

  #dropUnnumbered(): void {
    if (this.#options === undefined) this.#replay = undefined;
  }

  /** The life ends: nothing is waited for any more. */
  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** All that is held comes out. */
  finish(): void {
    this.#replay?.finish(this.#runtime.now());
    this.stop();
  }

  #createReplay(options: ReplayOptions<Received>): Replay<Received, ReceivedMessage<Received>> {
    return new Replay<Received, ReceivedMessage<Received>>(policyOf(options, this.#maxBytes), this);
  }

  // Called by its replay.

  sizeOf(entry: ReceivedMessage<Received>): number {
    return memoryOf(entry);
  }

  deliver(entry: ReceivedMessage<Received>): void {
    if (this.#isAfterEnd())
      this.#handler.onDropped({ direction: "in", message: entry.value, cause: "closed" });
    else this.#dispatcher.deliver(entry);
  }

  /** A listener of `gap` or `reset` may have ended the client while a message was on its way: nothing comes after that end. */
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

  /** Messages may be delivered after `closed`, to readers; nothing is told after it. */
  #emit<Name extends "gap" | "recovered" | "reset">(name: Name, event: EventMap<Received>[Name]): void {
    if (!this.#dispatcher.isEndPending && !this.#isAfterEnd()) this.#emitter.emit(name, event);
  }

  onError(error: Error): void {
    this.#handler.onError(error);
  }

  startReplay(request: ReplayRequest<ReceivedMessage<Received>>): void {
    void this.#ask(request);
  }

  onOverlapJoined(): void {
    this.#handler.onOverlapJoined();
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
    // The connection holds the process, or the wait for the next one, or they are not to.
    this.#timer.unref();
  }

  /** Calls the user's `onReplay`, and brings what it gives in order. */
  async #ask(request: ReplayRequest<ReceivedMessage<Received>>): Promise<void> {
    const replay = this.#replay!;
    try {
      const connection = this.#handler.connectionOf(request.connection);
      const given = await this.#options!.onReplay!(
        request.cursors,
        connection as SetupConnection<Received, never>,
      );
      if (given === undefined) replay.onReplayInBand(request, this.#runtime.now());
      else await this.#take(replay, request, given);
    } catch (error) {
      replay.onReplayFailed(request, toError(error, "replay.onReplay"));
    }
  }

  async #take(
    replay: Replay<Received, ReceivedMessage<Received>>,
    request: ReplayRequest<ReceivedMessage<Received>>,
    given: Iterable<Received> | AsyncIterable<Received>,
  ): Promise<void> {
    if (typeof given !== "object" || !(Symbol.iterator in given || Symbol.asyncIterator in given)) {
      const message = "replay.onReplay must give an array or an async iterable of messages, or nothing.";
      throw new JetSocketError(message, { code: "REPLAY_FUNCTION_FAILED" });
    }
    const isWaiting = Symbol.asyncIterator in given;
    for await (const value of given) {
      const entry = decoded(value, undefined, 0, this.#runtime.now());
      if (!replay.onReplayed(request, value, entry, entry.at)) return;
      // What is repeated is not to outrun its consumer; a plain array is here already.
      if (isWaiting) await this.#dispatcher.untilReadable();
    }
    replay.onReplayReturned(request, this.#runtime.now());
  }
}

function policyOf<Received>(options: ReplayOptions<Received>, maxBytes: number): ReplayPolicy<Received> {
  const { onReplay, maxStreams = defaultMaxStreams, ...policy } = options;
  return { ...policy, maxBytes, maxStreams, hasReplay: onReplay !== undefined };
}
