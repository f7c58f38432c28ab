// The list of unanswered pings of one connection. It does not send pings.
import { latin1Text } from "../../protocol/index.js";
import type { Wait } from "../runtime/wait.js";

/** A call of `ping()` that waits for the pong. */
type PingCall = Pick<Wait<number>, "resolve" | "reject">;

/** A sent ping without a pong. It is a node of a linked list. */
class Ping {
  readonly key: string;
  readonly sentAt: number;
  /** Number of messages that precede the ping on the wire. */
  position: number;
  readonly call: PingCall | undefined;
  next: Ping | undefined = undefined;

  constructor(key: string, sentAt: number, position: number, call: PingCall | undefined) {
    this.key = key;
    this.sentAt = sentAt;
    this.position = position;
    this.call = call;
  }
}

/** Maximum number of remembered pings. A further ping drops the oldest ping. */
const maxPings = 64;

/** The unanswered pings, oldest first. A linked list suffices, because usually at most one ping is unanswered. */
export class Pings {
  #first: Ping | undefined;
  #confirmed = 0;

  get unanswered(): number {
    let count = 0;
    for (let ping = this.#first; ping !== undefined; ping = ping.next) count++;
    return count;
  }

  /** Number of messages that the peer has certainly read, because the peer answered a later ping. */
  get confirmedCount(): number {
    return this.#confirmed;
  }

  /**
   * @param call - Resolves with the latency in milliseconds.
   * @returns The call of the oldest ping, if that ping was dropped. The caller must reject this call.
   */
  add(payload: Uint8Array, sentAt: number, position: number, call?: PingCall): PingCall | undefined {
    const dropped = this.unanswered === maxPings ? this.#first : undefined;
    if (dropped !== undefined) this.#first = dropped.next;
    const ping = new Ping(keyOf(payload), sentAt, position, call);
    let last = this.#first;
    while (last?.next !== undefined) last = last.next;
    if (last === undefined) this.#first = ping;
    else last.next = ping;
    return dropped?.call;
  }

  /**
   * Must be called when all messages after the first `count` messages were removed from the output. Each ping position
   * above `count` becomes `count`.
   */
  limit(count: number): void {
    for (let ping = this.#first; ping !== undefined; ping = ping.next)
      ping.position = Math.min(ping.position, count);
    this.#confirmed = Math.min(this.#confirmed, count);
  }

  /** Returns the latency in milliseconds, or `undefined` if the pong answers no ping of this client. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const key = keyOf(payload);
    let own = this.#first;
    while (own !== undefined && own.key !== key) own = own.next;
    if (own === undefined) return undefined;
    // RFC 6455 5.5.3: a peer may answer only the newest of several pings. Therefore a pong also settles all earlier
    // pings.
    let ping = this.#first;
    this.#first = own.next;
    own.next = undefined;
    // A ping may overtake queued messages. Therefore a later ping may confirm fewer messages than an earlier ping.
    this.#confirmed = Math.max(this.#confirmed, own.position);
    for (; ping !== undefined; ping = ping.next) ping.call?.resolve(now - ping.sentAt);
    return now - own.sentAt;
  }

  /** Rejects the calls of all unanswered pings. */
  rejectCalls(error: unknown): void {
    for (let ping = this.#first; ping !== undefined; ping = ping.next) ping.call?.reject(error);
  }
}

function keyOf(payload: Uint8Array): string {
  return latin1Text(payload);
}
