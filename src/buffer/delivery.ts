// Classifies the messages of a stream and delivers them. This module does not buffer messages that are ahead: see
// recovery.ts.
import { ChunkedList } from "./chunked-list.js";
import type { Arrival } from "./message-stream.js";
import type { ReplayPort } from "./replay-port.js";
import type { SequenceStatus } from "./sequence-window.js";

/**
 * The status of a received message. `unclassified`: a function of the application threw, and the message is delivered
 * unchanged.
 */
export type ArrivalStatus = SequenceStatus | "unclassified";

/** Classifies messages, delivers them and reports gaps and resets. */
export class Delivery<Message> {
  /** Number of messages that were removed because they had been delivered before. */
  duplicateCount = 0;
  readonly #port: ReplayPort<Message>;
  /** Messages that were released from a reorder buffer and are not delivered yet. */
  readonly #released = new ChunkedList<readonly [arrival: Arrival<Message>, isReported: boolean]>();

  constructor(port: ReplayPort<Message>) {
    this.#port = port;
  }

  /** @param isCovered - `true` if an active replay request covers the stream of the message. */
  classify(arrival: Arrival<Message>, isCovered: boolean): ArrivalStatus {
    try {
      return arrival.stream.classify(arrival, isCovered);
    } catch (error) {
      this.#port.onError(error);
      return "unclassified";
    }
  }

  /** Delivers or removes a message, depending on its status. A message that is ahead moves the cursor to its own id. */
  apply(arrival: Arrival<Message>, status: ArrivalStatus): void {
    const { stream, id } = arrival;
    switch (status) {
      case "duplicate":
        this.#remove(arrival);
        return;
      case "next":
      case "ahead":
        stream.window.move(id, status);
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
      this.#port.onError(error);
    }
  }

  /**
   * Delivers the messages of a reorder buffer in order and reports the gaps between them. The gap that precedes the
   * first message must already be reported.
   */
  release(buffered: readonly Arrival<Message>[]): void {
    for (const [index, arrival] of buffered.entries()) this.#released.push([arrival, index === 0]);
    this.finishRelease();
  }

  /**
   * Delivers the remaining released messages. If a listener ends the client during a delivery, this method is called
   * again, because all messages must be delivered before the client ends.
   */
  finishRelease(): void {
    for (let next = this.#released.shift(); next !== undefined; next = this.#released.shift()) {
      const [arrival, isReported] = next;
      const status = this.classify(arrival, false);
      if (status === "ahead" && !isReported) this.emitGap(arrival);
      this.apply(arrival, status);
    }
  }

  emitGap({ stream, id }: Arrival<Message>): void {
    this.#port.onGap(stream.name, stream.window.expected, id);
  }
}
