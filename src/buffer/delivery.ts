import type { Arrival } from "./message-stream.js";
import type { ReplayPort } from "./replay-port.js";
import type { SequenceStatus } from "./sequence-window.js";

/** `unreadable`: a function of the user's has thrown; the message is delivered as it is. */
export type ArrivalStatus = SequenceStatus | "unclassified";

/** Judges messages and delivers them, with no look at what is held. */
export class Delivery<Message> {
  /** Messages that were removed because they had been delivered before. */
  duplicateCount = 0;
  readonly #port: ReplayPort<Message>;

  /** Messages of a hold that has ended, while they are delivered. */
  readonly #released: { readonly arrival: Arrival<Message>; readonly isReported: boolean }[] = [];

  constructor(port: ReplayPort<Message>) {
    this.#port = port;
  }

  /** @param isCovered - A request for a replay is at work for the stream. */
  classify(arrival: Arrival<Message>, isCovered: boolean): ArrivalStatus {
    try {
      return arrival.stream.classify(arrival, isCovered);
    } catch (error) {
      this.#port.onError(asError(error));
      return "unclassified";
    }
  }

  /** Does what the judgement asks for. */
  apply(arrival: Arrival<Message>, status: Exclude<ArrivalStatus, "ahead">): void {
    const { stream, id } = arrival;
    switch (status) {
      case "duplicate":
        this.#remove(arrival);
        return;
      case "next":
        stream.window.move(id, "next");
        stream.epoch ??= arrival.epoch;
        break;
      case "late":
        stream.window.fill(id);
        break;
      case "first":
      case "restart":
        if (status === "restart") this.#port.onReset(stream.name);
        stream.restart(arrival);
        break;
      case "unclassified":
        break;
    }
    this.#port.deliver(arrival.message);
  }

  #remove({ stream, id }: Arrival<Message>): void {
    this.duplicateCount++;
    try {
      stream.window.repeat(id);
    } catch (error) {
      this.#port.onError(asError(error));
    }
  }

  /** Delivers a message that is ahead. */
  skipTo(arrival: Arrival<Message>): void {
    const { stream } = arrival;
    stream.window.move(arrival.id, "ahead");
    stream.epoch ??= arrival.epoch;
    this.#port.deliver(arrival.message);
  }

  /** Delivers messages that were held, in their order, and reports the gaps between them. The gap before the first is reported already. */
  release(buffered: readonly Arrival<Message>[]): void {
    for (const [index, arrival] of buffered.entries()) this.#released.push({ arrival, isReported: index === 0 });
    this.finishRelease();
  }

  /** Delivers what is left of a release. A handler of one of its messages may end the client, and nothing may come after that end. */
  finishRelease(): void {
    for (let next = this.#released.shift(); next !== undefined; next = this.#released.shift()) {
      const { arrival, isReported } = next;
      const status = this.classify(arrival, false);
      if (status !== "ahead") this.apply(arrival, status);
      else {
        if (!isReported) this.emitGap(arrival);
        this.skipTo(arrival);
      }
    }
  }

  emitGap({ stream, id }: Arrival<Message>): void {
    this.#port.onGap(stream.name, stream.window.expected, id);
  }
}

/** What a function of the user's has thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
