// The list of unanswered pings of one connection. It does not send pings.
import type { Wait } from "../runtime/wait.js";

/** A call of `ping()` that waits for the pong. */
type PingCall = Pick<Wait<number>, "resolve" | "reject">;

/** A sent ping without a pong. */
interface Ping {
  readonly key: string;
  readonly sentAt: number;
  /** Number of messages that precede the ping on the wire. */
  readonly position: number;
  readonly call: PingCall | undefined;
}

/** Maximum number of remembered pings. A further ping drops the oldest ping. */
const maxPings = 64;

const none: readonly Ping[] = [];

/** The unanswered pings, oldest first. Usually there is at most one. */
export class Pings {
  #pings = none;
  #confirmed = 0;

  get unanswered(): number {
    return this.#pings.length;
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
    const dropped = this.unanswered === maxPings ? this.#pings[0] : undefined;
    this.#pings = this.#pings.slice(dropped === undefined ? 0 : 1);
    this.#pings = this.#pings.concat({ key: keyOf(payload), sentAt, position, call });
    return dropped?.call;
  }

  /**
   * Must be called when all messages after the first `count` messages were removed from the output. Each ping position
   * above `count` becomes `count`.
   */
  limit(count: number): void {
    this.#pings = this.#pings.map((ping) => ({ ...ping, position: Math.min(ping.position, count) }));
    this.#confirmed = Math.min(this.#confirmed, count);
  }

  /** Returns the latency in milliseconds, or `undefined` if the pong answers no ping of this client. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const key = keyOf(payload);
    const index = this.#pings.findIndex((ping) => ping.key === key);
    const own = this.#pings[index];
    if (own === undefined) return undefined;
    // RFC 6455 5.5.3: a peer may answer only the newest of several pings. Therefore a pong also settles all earlier
    // pings.
    const answered = this.#pings.slice(0, index + 1);
    this.#pings = answered.length === this.unanswered ? none : this.#pings.slice(index + 1);
    // A ping may overtake queued messages. Therefore a later ping may confirm fewer messages than an earlier ping.
    this.#confirmed = Math.max(this.#confirmed, own.position);
    for (const { call, sentAt } of answered) call?.resolve(now - sentAt);
    return now - own.sentAt;
  }

  /** Rejects the calls of all unanswered pings. */
  rejectCalls(error: unknown): void {
    for (const { call } of this.#pings) call?.reject(error);
  }
}

function keyOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("latin1");
}
