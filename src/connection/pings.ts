// The list of unanswered pings of one connection. It does not send them.

/** A ping of ours without a pong; a node of a linked list. */
class Ping {
  readonly key: string;
  readonly sentAt: number;
  /** Number of messages before it on the wire. */
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

/** Only this many pings are remembered; the oldest is dropped. */
const maxPings = 64;

/**
 * The unanswered pings in the order in which they were sent. A linked list suffices, because usually there is at most
 * one.
 */
export class Pings {
  #first: Ping | undefined;
  #confirmed = 0;

  get unanswered(): number {
    let count = 0;
    for (let ping = this.#first; ping !== undefined; ping = ping.next) count++;
    return count;
  }

  /** Number of messages that the peer has certainly read, because it answered a later ping. */
  get confirmedCount(): number {
    return this.#confirmed;
  }

  /** @param onSettled - Called with the latency in milliseconds, or with `undefined` if the ping is dropped. */
  add(
    payload: Uint8Array,
    sentAt: number,
    position: number,
    onSettled?: (latency: number | undefined) => void,
  ): void {
    const dropped = this.unanswered === maxPings ? this.#first : undefined;
    if (dropped !== undefined) this.#first = dropped.next;
    const ping = new Ping(keyOf(payload), sentAt, position, onSettled);
    let last = this.#first;
    while (last?.next !== undefined) last = last.next;
    if (last === undefined) this.#first = ping;
    else last.next = ping;
    dropped?.onSettled?.(undefined);
  }

  /** Messages after the first `count` were taken back: lowers the position of every ping to at most `count`. */
  limit(count: number): void {
    for (let ping = this.#first; ping !== undefined; ping = ping.next)
      ping.position = Math.min(ping.position, count);
    this.#confirmed = Math.min(this.#confirmed, count);
  }

  /** Returns the latency in milliseconds, or `undefined` if the pong matches none of our pings. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const own = this.#find(keyOf(payload));
    if (own === undefined) return undefined;
    // RFC 6455 5.5.3: a peer may answer only the newest of several pings, so its pong also settles the earlier ones.
    let ping = this.#first;
    this.#first = own.next;
    own.next = undefined;
    // A ping may overtake queued messages, so a later ping may confirm fewer messages than an earlier one.
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
