/** A ping of ours that has not been answered. */
interface Ping {
  readonly key: string;
  readonly sentAt: number;
  /** How many messages stand before it on the wire. */
  position: number;
  readonly onSettled: ((latency: number | undefined) => void) | undefined;
}

/** Older pings than so many are forgotten. */
const maxPings = 64;

const none: readonly Ping[] = [];

/** The pings that are out, in their order; each pong finds its own. */
export class Pings {
  #out = none;
  #confirmed = 0;

  get unanswered(): number {
    return this.#out.length;
  }

  /** How many messages the peer has read for sure. */
  get confirmedCount(): number {
    return this.#confirmed;
  }

  /** @param onSettled - Called with the latency in milliseconds, or with none where the ping is forgotten. */
  add(
    payload: Uint8Array,
    sentAt: number,
    position: number,
    onSettled?: (latency: number | undefined) => void,
  ): void {
    const forgotten = this.#out.length === maxPings ? this.#out[0] : undefined;
    if (forgotten !== undefined) this.#out = this.#out.slice(1);
    // Not by `push`, which makes room for sixteen more.
    this.#out = this.#out.concat({ key: keyOf(payload), sentAt, position, onSettled });
    forgotten?.onSettled?.(undefined);
  }

  /** No ping stands before more messages than these. */
  limit(count: number): void {
    for (const ping of this.#out) ping.position = Math.min(ping.position, count);
    this.#confirmed = Math.min(this.#confirmed, count);
  }

  /** Gives the latency in milliseconds; `undefined` for a pong that answers no ping of ours. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const key = keyOf(payload);
    const index = this.#out.findIndex((ping) => ping.key === key);
    if (index === -1) return undefined;
    // RFC 6455 5.5.3: a peer may answer only the newest of several pings: its pong stands for those before it.
    const answered = this.#out.slice(0, index + 1);
    this.#out = index + 1 === this.#out.length ? none : this.#out.slice(index + 1);
    const own = answered.at(-1)!;
    this.#confirmed = own.position;
    for (const ping of answered) ping.onSettled?.(now - ping.sentAt);
    return now - own.sentAt;
  }
}

function keyOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString("latin1");
}
