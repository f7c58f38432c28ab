import type { ReplayRequest } from "../../src/buffer/message-stream.js";
import type { Sequence } from "../../src/buffer/sequence-window.js";
import { type Numbered, type Policy, ReplayScene } from "./replay-scene.js";

/** How messages are numbered. */
export interface Numbering {
  idOf(count: number): Sequence;
  readonly policy: Policy;
}

export const numbers: Numbering = { idOf: (count) => count, policy: {} };

/** Ids that only `isNext` can compare. */
export const strings: Numbering = {
  idOf: (count) => `id-${count}`,
  policy: { isNext: (previous, current) => countOf(current) === countOf(previous) + 1 },
};

export function countOf(id: Sequence | null | undefined): number {
  return Number(String(id).replace("id-", ""));
}

const streams = ["a", "b"];
const recoveryTimeout = 1_000_000;

/**
 * A server that remembers all messages, and a network that loses and duplicates messages and ends connections. The
 * server answers each replay request in full, either with returned messages or in band.
 */
export class ReplayServer {
  readonly scene: ReplayScene;
  readonly published: Map<string, number> = new Map<string, number>(streams.map((stream) => [stream, 0]));
  readonly #numbering: Numbering;
  readonly #mode: "returned" | "inBand";
  /** The messages on their way to the client. */
  #line: Numbered[] = [];
  readonly #repeated = new Set<Numbered>();
  #isUp = true;
  /** The messages that onReplay has still to return. */
  readonly #returning: { readonly request: ReplayRequest<Numbered>; readonly messages: Numbered[] }[] = [];
  #seen = 0;

  constructor(numbering: Numbering, mode: "returned" | "inBand") {
    this.#numbering = numbering;
    this.#mode = mode;
    this.scene = new ReplayScene({
      ...numbering.policy,
      streamOf: ({ stream }) => stream,
      hasReplay: true,
      recoveryTimeout,
    });
    // The first messages always arrive, because nothing is known to be missing before them.
    for (const stream of streams) this.publish(stream);
    this.scene.replay.onConnection(1, 0);
    this.flow(2);
  }

  publish(stream: string): void {
    const count = this.published.get(stream)! + 1;
    this.published.set(stream, count);
    if (this.#isUp) this.#line.push({ id: this.#numbering.idOf(count), stream });
  }

  flow(count: number): void {
    for (const message of this.#line.splice(0, count)) this.scene.receive(message);
  }

  /**
   * The first live message in transit is lost. Repeated messages are not lost, because they are not requested twice.
   */
  lose(): void {
    const index = this.#line.findIndex((message) => !this.#repeated.has(message));
    if (index >= 0) this.#line.splice(index, 1);
  }

  duplicate(): void {
    const last = this.#line.at(-1);
    if (last !== undefined) this.#line.push(last);
  }

  reconnect(): void {
    this.#line = [];
    this.#isUp = true;
    this.scene.reconnect();
  }

  cut(): void {
    this.#line = [];
    this.#isUp = false;
    this.scene.replay.onConnectionEnd(this.scene.connection);
  }

  /** Reads the new requests. */
  #accept(): void {
    for (; this.#seen < this.scene.requests.length; this.#seen++) {
      const request = this.scene.requests[this.#seen]!;
      const messages = Object.entries(request.cursors).flatMap(([stream, { sequence }]) =>
        this.#since(stream, countOf(sequence)),
      );
      if (this.#mode === "returned") this.#returning.push({ request, messages });
      else if (this.#isUp && request.connection === this.scene.connection) {
        for (const message of messages) this.#repeated.add(message);
        this.#line.push(...messages);
        this.scene.inBand(request);
      }
    }
  }

  #since(stream: string, count: number): Numbered[] {
    const missed = this.published.get(stream)! - count;
    return Array.from({ length: missed }, (_, index) => ({
      id: this.#numbering.idOf(count + 1 + index),
      stream,
    }));
  }

  /** Some of the returned messages arrive. A request without remaining messages ends. */
  answer(count: number): void {
    this.#accept();
    const [first] = this.#returning;
    if (first === undefined) return;
    const { replay, now } = this.scene;
    const isWanted = first.messages.splice(0, count).every((one) => this.scene.give(first.request, one));
    if (isWanted && first.messages.length > 0) return;
    this.#returning.shift();
    replay.onReplayReturned(first.request, now);
  }

  /** No more failures from now on. One more message of each stream reveals missing messages. */
  settle(): void {
    if (!this.#isUp) this.reconnect();
    for (const stream of streams) this.publish(stream);
    for (let round = 0; round < 50; round++) {
      this.flow(Infinity);
      this.answer(Infinity);
      if (this.#line.length > 0 || this.#returning.length > 0 || this.#seen < this.scene.requests.length)
        continue;
      if (this.scene.replay.heldCount === 0) return;
      this.scene.wait(Math.max(0, this.scene.nextAt - this.scene.now));
    }
  }

  /** The log of one stream, with messages as their counts. */
  logOf(stream: string): string[] {
    return this.scene.log
      .filter((entry) => entry.startsWith(`${stream}:`))
      .map((entry) => entry.slice(2).replaceAll("id-", ""));
  }
}
