import type { Cursor } from "./cursor.js";
import { type MessageStream, ReplayRequest } from "./message-stream.js";

/** The calls of `onReplay` that are under way, and the streams that each of them covers. */
export class ReplayRequests<Message> {
  /** So long after it has last shown itself a request is counted on. */
  readonly #timeout: number;
  #open: ReplayRequest<Message>[] = [];
  #newest = 0;
  /** The request that covers streams yet unknown. */
  #resume: ReplayRequest<Message> | undefined;

  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** How many there have been. */
  get count(): number {
    return this.#newest;
  }

  /** What is missing in a stream may still come by a request. */
  covers({ replay }: MessageStream<Message>, now: number): boolean {
    return replay !== undefined && now - replay.activeAt < this.#timeout;
  }

  /** What the user returns may still belong before all that a stream brings. */
  isReturningMessages(stream: MessageStream<Message>, now: number): boolean {
    return stream.replay?.state === "running" && this.covers(stream, now);
  }

  /** A request for all that `streams` may have missed; `undefined` where none of them has a cursor. */
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

  /** The same for all streams, those to come included. */
  openForAll(
    streams: Iterable<MessageStream<Message>>,
    connection: number,
    now: number,
  ): ReplayRequest<Message> | undefined {
    this.#resume = this.open(streams, connection, now);
    return this.#resume;
  }

  /** A stream has come to be. */
  cover(stream: MessageStream<Message>): void {
    if (this.#resume?.state !== "running") return;
    stream.replay = this.#resume;
    this.#resume.streams.add(stream);
  }

  /** The stream is forgotten. */
  uncover(stream: MessageStream<Message>): void {
    for (const { streams } of this.#open) streams.delete(stream);
    stream.replay = undefined;
  }

  /** The user has returned nothing; gives the streams that wait for what the server repeats. */
  setInBand(request: ReplayRequest<Message>, now: number): MessageStream<Message>[] {
    request.state = "inBand";
    request.activeAt = now;
    return [...request.streams].filter(({ replay }) => replay === request);
  }

  /** Nothing more comes of a request; gives the streams that it covered until now. */
  end(request: ReplayRequest<Message>): MessageStream<Message>[] {
    request.state = "over";
    this.#open = this.#open.filter((other) => other !== request);
    const streams = [...request.streams].filter(({ replay }) => replay === request);
    for (const stream of streams) stream.replay = undefined;
    return streams;
  }

  /** Nothing more comes of any request that `hasEnded` names by its link. */
  endOn(hasEnded: (connection: number) => boolean): void {
    for (const request of this.#open) {
      if (hasEnded(request.connection)) this.end(request);
    }
  }
}
