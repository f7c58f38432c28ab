/** A ping of ours that has not been answered. */
class Ping {
  readonly key: string;
  readonly sentAt: number;
  /** How many messages stand before it on the wire. */
  position: number;
  readonly onSettled: ((latency: number | undefined) => void) | undefined;
  next: Ping | undefined = undefined;

  constructor(key: string, sentAt: number, position: number, onSettled: Ping["onSettled"]) {
    this.key = key;
    this.sentAt = sentAt;
    this.position = position;
    this.onSettled = onSettled;
  }
}

/** Older pings than so many are forgotten. */
const maxPings = 64;

/** The pings that are out, in their order; each pong finds its own. Each knows the one behind it: mostly there is one, or none. */
export class Pings {
  #first: Ping | undefined;
  #confirmed = 0;

  get unanswered(): number {
    let count = 0;
    for (let ping = this.#first; ping !== undefined; ping = ping.next) count++;
    return count;
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
    const forgotten = this.unanswered === maxPings ? this.#first : undefined;
    if (forgotten !== undefined) this.#first = forgotten.next;
    const ping = new Ping(keyOf(payload), sentAt, position, onSettled);
    let last = this.#first;
    while (last?.next !== undefined) last = last.next;
    if (last === undefined) this.#first = ping;
    else last.next = ping;
    forgotten?.onSettled?.(undefined);
  }

  /** No ping stands before more messages than these. */
  limit(count: number): void {
    for (let ping = this.#first; ping !== undefined; ping = ping.next)
      ping.position = Math.min(ping.position, count);
    this.#confirmed = Math.min(this.#confirmed, count);
  }

  /** Gives the latency in milliseconds; `undefined` for a pong that answers no ping of ours. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const own = this.#find(keyOf(payload));
    if (own === undefined) return undefined;
    // RFC 6455 5.5.3: a peer may answer only the newest of several pings: its pong stands for those before it.
    let ping = this.#first;
    this.#first = own.next;
    own.next = undefined;
    // A ping that has overtaken queued messages stands behind fewer of them than an earlier ping.
    this.#confirmed = Math.max(this.#confirmed, own.position);
    for (; ping !== undefined; ping = ping.next) ping.onSettled?.(now - ping.sentAt);
    return now - own.sentAt;
  }

  #find(key: string): Ping | undefined {
    let ping = this.#first;
    while (ping !== undefined && ping.key !== key) ping = ping.next;
    return ping;
  }
}

function keyOf(payload: Uint8Array): string {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  return bytes.toString("latin1");
}
