// The list of unanswered pings of one connection. It does not send pings.
import { latin1Text } from "../../protocol/index.js";
import type { Wait } from "../runtime/wait.js";

/** A call of `ping()` that waits for the pong. */
type PingCall = Pick<Wait<number>, "resolve" | "reject">;

/** A sent ping without a pong. */
interface Ping {
  readonly key: string;
  readonly sentAt: number;
  /** Number of messages that precede the ping on the wire. */
  position: number;
  readonly call: PingCall | undefined;
}

/** Maximum number of remembered pings. A further ping drops the oldest ping. */
const maxPings = 64;

/** The unanswered pings, oldest first. Usually there is at most one. */
export class Pings {
  /** `undefined` if there is none, which saves memory. */
  #pings: Ping[] | undefined;
  #confirmed = 0;

  get unanswered(): number {
    return this.#pings?.length ?? 0;
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
    const pings = (this.#pings ??= []);
    const dropped = pings.length === maxPings ? pings.shift() : undefined;
    pings.push({ key: keyOf(payload), sentAt, position, call });
    return dropped?.call;
  }

  /**
   * Must be called when all messages after the first `count` messages were removed from the output. Each ping position
   * above `count` becomes `count`.
   */
  limit(count: number): void {
    for (const ping of this.#pings ?? []) ping.position = Math.min(ping.position, count);
    this.#confirmed = Math.min(this.#confirmed, count);
  }

  /** Returns the latency in milliseconds, or `undefined` if the pong answers no ping of this client. */
  answer(payload: Uint8Array, now: number): number | undefined {
    const key = keyOf(payload);
    const pings = this.#pings ?? [];
    const index = pings.findIndex((ping) => ping.key === key);
    const own = pings[index];
    if (own === undefined) return undefined;
    // RFC 6455 5.5.3: a peer may answer only the newest of several pings. Therefore a pong also settles all earlier
    // pings.
    const answered = pings.splice(0, index + 1);
    if (pings.length === 0) this.#pings = undefined;
    // A ping may overtake queued messages. Therefore a later ping may confirm fewer messages than an earlier ping.
    this.#confirmed = Math.max(this.#confirmed, own.position);
    for (const { call, sentAt } of answered) call?.resolve(now - sentAt);
    return now - own.sentAt;
  }

  /** Rejects the calls of all unanswered pings. */
  rejectCalls(error: unknown): void {
    for (const { call } of this.#pings ?? []) call?.reject(error);
  }
}

function keyOf(payload: Uint8Array): string {
  return latin1Text(payload);
}
