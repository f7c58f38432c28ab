// The active replay requests, and the streams that each of them covers. It does not call `onReplay`.
import type { Cursor } from "../options/layer-options.js";
import { type MessageStream, ReplayRequest } from "./message-stream.js";

/** Opens and ends replay requests. */
export class ReplayRequests<Message> {
  /** Time in milliseconds without progress after which a request is no longer expected to deliver anything. */
  readonly #timeout: number;
  #open: ReplayRequest<Message>[] = [];
  #newest = 0;
  /** The request that also covers streams that are created later. */
  #resume: ReplayRequest<Message> | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** Number of requests that were opened. */
  get count(): number {
    return this.#newest;
  }

  /** True if a request may still deliver the missing messages of a stream. */
  covers({ replay }: MessageStream<Message>, now: number): boolean {
    return replay !== undefined && now - replay.activeAt < this.#timeout;
  }

  /** True if `onReplay` is still returning messages, which may precede everything that the stream receives. */
  isReturningMessages(stream: MessageStream<Message>, now: number): boolean {
    return stream.replay?.state === "running" && this.covers(stream, now);
  }

  /**
   * Opens a request for everything that `streams` may have missed. Returns `undefined` if none of them has a cursor.
   */
  open(
    streams: Iterable<MessageStream<Message>>,
    connection: number,
    now: number,
  ): ReplayRequest<Message> | undefined {
    const cursors: [string, Cursor][] = [];
    for (const { name, cursor } of streams) {
      if (cursor !== undefined) cursors.push([name, cursor]);
    }
    if (cursors.length === 0) return undefined;
    const plan = { cursors: Object.fromEntries(cursors), connection, number: ++this.#newest, now };
    const request = new ReplayRequest(plan, streams);
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

  /** As {@link open}, and the request also covers streams that are created later. */
  openForAll(
    streams: Iterable<MessageStream<Message>>,
    connection: number,
    now: number,
  ): ReplayRequest<Message> | undefined {
    this.#resume = this.open(streams, connection, now);
    return this.#resume;
  }

  /** A stream was created. */
  cover(stream: MessageStream<Message>): void {
    if (this.#resume?.state !== "running") return;
    stream.replay = this.#resume;
    this.#resume.streams.add(stream);
  }

  /** A stream was evicted. */
  uncover(stream: MessageStream<Message>): void {
    for (const { streams } of this.#open) streams.delete(stream);
    stream.replay = undefined;
  }

  /** `onReplay` returned nothing. Returns the streams that wait for the messages that the server repeats. */
  setInBand(request: ReplayRequest<Message>, now: number): MessageStream<Message>[] {
    request.state = "inBand";
    request.activeAt = now;
    return [...request.streams].filter(({ replay }) => replay === request);
  }

  /** Ends a request. Returns the streams that it covered until now. */
  end(request: ReplayRequest<Message>): MessageStream<Message>[] {
    request.state = "over";
    this.#open = this.#open.filter((other) => other !== request);
    const streams = [...request.streams].filter(({ replay }) => replay === request);
    for (const stream of streams) stream.replay = undefined;
    return streams;
  }

  /** Ends the requests on all connections for which `hasEnded` returns `true`. */
  endOn(hasEnded: (connection: number) => boolean): void {
    for (const request of this.#open) {
      if (hasEnded(request.connection)) this.end(request);
    }
  }
}
