// The active replay requests, and the streams that each request covers. This module does not call `onReplay`.
import type { MessageStream, ReplayRequest } from "./message-stream.js";

/** Opens and ends replay requests. */
export class ReplayRequests<Message> {
  /** Number of replay requests that were opened until now. */
  count = 0;
  /** If a request makes no progress for this number of milliseconds, it is no longer expected to deliver messages. */
  readonly #timeout: number;
  #open: ReplayRequest<Message>[] = [];
  /** The replay request that also covers streams that are created later. */
  #forAll: ReplayRequest<Message> | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** True if a request may still deliver the missing messages of a stream. */
  covers({ replay }: MessageStream<Message>, now: number): boolean {
    return replay !== undefined && now - replay.activeAt < this.#timeout;
  }

  /**
   * True if `onReplay` may still return messages of the stream. In the order of the stream, these messages may come
   * before all messages that arrive on the connection.
   */
  isReturningMessages(stream: MessageStream<Message>, now: number): boolean {
    return stream.replay?.state === "running" && this.covers(stream, now);
  }

  /**
   * Opens a request for all messages that `streams` may have missed.
   * @param isForAll - `true` if the request also covers streams that are created later.
   * @returns `undefined` if no stream has a cursor.
   */
  open(
    streams: Iterable<MessageStream<Message>>,
    connection: number,
    now: number,
    isForAll: boolean,
  ): ReplayRequest<Message> | undefined {
    if (isForAll) this.#forAll = undefined;
    const known = [...streams].filter(({ cursor }) => cursor !== undefined);
    if (known.length === 0) return undefined;
    const request: ReplayRequest<Message> = {
      cursors: Object.fromEntries(known.map(({ name, cursor }) => [name, cursor!])),
      connection,
      number: ++this.count,
      streams: new Set(streams),
      state: "running",
      activeAt: now,
    };
    if (isForAll) this.#forAll = request;
    for (const stream of streams) {
      stream.replay = request;
      if (stream.buffer !== undefined) stream.buffer.requestAt = Infinity;
    }
    this.#open = this.#open.filter(
      ({ state, activeAt }) => state === "running" || now - activeAt < this.#timeout,
    );
    this.#open.push(request);
    return request;
  }

  /** A stream was created. */
  cover(stream: MessageStream<Message>): void {
    if (this.#forAll?.state !== "running") return;
    stream.replay = this.#forAll;
    this.#forAll.streams.add(stream);
  }

  /** A stream was evicted. */
  uncover(stream: MessageStream<Message>): void {
    for (const { streams } of this.#open) streams.delete(stream);
    stream.replay = undefined;
  }

  /**
   * Called after `onReplay` returned nothing. Returns the streams whose messages the server repeats on the connection.
   */
  setInBand(request: ReplayRequest<Message>, now: number): MessageStream<Message>[] {
    request.state = "inBand";
    request.activeAt = now;
    return [...request.streams].filter(({ replay }) => replay === request);
  }

  /** Ends a request. Returns the streams that the request covered. */
  end(request: ReplayRequest<Message>): MessageStream<Message>[] {
    request.state = "over";
    this.#open = this.#open.filter((other) => other !== request);
    const streams = [...request.streams].filter(({ replay }) => replay === request);
    for (const stream of streams) stream.replay = undefined;
    return streams;
  }

  /** Ends all requests that were made on a connection for which `hasEnded` returns `true`. */
  endOn(hasEnded: (connection: number) => boolean): void {
    for (const request of this.#open.filter(({ connection }) => hasEnded(connection))) this.end(request);
  }
}
