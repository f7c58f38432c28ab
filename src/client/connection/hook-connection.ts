import { BufferOverflowError } from "../../errors.js";
import type { Deserializer, SetupConnection, SetupRecvOptions } from "../../options/options.js";
import { findWrongOption, ownCallOptions } from "../../options/call-options.js";
import type { Runtime } from "../../runtime/runtime.js";
import { rejected, Wait } from "../../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../../runtime/linked-queue.js";

/** A received message that is with a hook, or goes to the client behind it. */
export interface HeldMessage {
  readonly data: string | Buffer;
  readonly size: number;
  readonly at: number;
  /** Its value, once it was shown to a `recv()`. */
  decoded?: { readonly value: unknown };
}

/** Beyond so many, each message counts for more than its bytes: a flood of empty ones is bounded too. */
const plainCount = 1_000;
const messageCost = 128;

interface Call<Received> {
  readonly match: (message: Received) => boolean;
  readonly wait: Wait<Received>;
}

/** What sends on the connection. */
export type HookSender<Received, Sent> = Pick<
  SetupConnection<Received, Sent>,
  "url" | "subprotocol" | "extensions" | "send" | "sendRaw" | "ping"
>;

interface HookContext<Received, Sent> {
  readonly sender: HookSender<Received, Sent>;
  readonly runtime: Runtime;
  readonly deserializer: Deserializer<Received>;
  readonly maxBytes: number;
  /** A hook runs: messages wait until `release()`. */
  readonly isHolding: boolean;
}

export interface HookConnectionHandler {
  /** What waits is above its bound, or no longer: reading is to stop, or to go on. */
  onFull(isFull: boolean): void;
}

const recvNames = ["match", "signal", "timeout"];

/**
 * One connection as `onConnection` and `onReplay` work on it. While `onConnection` runs, what comes waits here, bounded in
 * bytes; what no `recv()` takes goes to the client afterwards, in order.
 */
export class HookConnection<Received, Sent> {
  readonly #context: HookContext<Received, Sent>;
  readonly #handler: HookConnectionHandler;
  /** There from the first `recv()` that waits on. */
  #calls: LinkedQueue<Call<Received>> | undefined;
  #publicConnection: SetupConnection<Received, Sent> | undefined;
  #held: HeldMessage[] | undefined;
  #bytes = 0;
  #isFull = false;
  #end: { readonly error: unknown } | undefined;

  constructor(context: HookContext<Received, Sent>, handler: HookConnectionHandler) {
    this.#context = context;
    this.#handler = handler;
    if (context.isHolding) this.#held = [];
  }

  /** What hooks are given. */
  get publicConnection(): SetupConnection<Received, Sent> {
    this.#publicConnection ??= Object.freeze({
      ...this.#context.sender,
      recv: (options?: SetupRecvOptions<Received>) => this.#recv(options),
    });
    return this.#publicConnection;
  }

  /** Messages are to be shown to it. */
  get isWatching(): boolean {
    return this.#held !== undefined || this.#hasCalls();
  }

  #hasCalls(): boolean {
    return this.#calls !== undefined && this.#calls.length > 0;
  }

  /** @returns `false` where nobody here wants the message. */
  receive(message: HeldMessage): boolean {
    if (this.#calls !== undefined && this.#give(message, this.#calls)) return true;
    if (this.#held === undefined) return false;
    this.#held.push(message);
    this.#bytes += message.size;
    this.#look();
    return true;
  }

  /** @returns `true` where a call has taken the message. */
  #give(message: HeldMessage, calls: LinkedQueue<Call<Received>>): boolean {
    if (calls.length === 0) return false;
    const decoded = this.#decode(message);
    if (decoded === undefined) return false;
    const places: LinkedQueueNode<Call<Received>>[] = [];
    for (let place = calls.firstPlace; place !== undefined; place = place.next) places.push(place);
    for (const place of places) {
      // The `match` of one call may end another one, and its own.
      if (!place.isTaken || !this.#ask(place.item.match, decoded.value, place)) continue;
      if (!calls.leave(place)) continue;
      place.item.wait.resolve(decoded.value);
      return true;
    }
    return false;
  }

  /** What the deserializer throws on is no call's: the client will tell of it. */
  #decode(message: HeldMessage): { readonly value: Received } | undefined {
    const { data } = message;
    try {
      message.decoded ??= { value: this.#context.deserializer(data, typeof data !== "string") };
      return message.decoded as { readonly value: Received };
    } catch {
      return undefined;
    }
  }

  #ask(
    match: (message: Received) => boolean,
    value: Received,
    place: LinkedQueueNode<Call<Received>> | undefined,
  ): boolean {
    try {
      return match(value);
    } catch (error) {
      if (place === undefined) throw error;
      this.#calls?.leave(place);
      place.item.wait.reject(error);
      return false;
    }
  }

  #look(): void {
    const cost = Math.max((this.#held?.length ?? 0) - plainCount, 0) * messageCost;
    const isFull = this.#bytes + cost > this.#context.maxBytes;
    if (isFull) for (const { wait } of this.#calls?.takeAll() ?? []) wait.reject(this.#overflow());
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#handler.onFull(isFull);
  }

  #overflow(): BufferOverflowError {
    return new BufferOverflowError(
      `More than ${this.#context.maxBytes} bytes (maxMessageSize) came while onConnection waited for a message that none of them is. ` +
        `Wait for another one, or send nothing that brings so much before it.`,
    );
  }

  #recv(given: SetupRecvOptions<Received> | undefined): Promise<Received> {
    const options = ownCallOptions(given, recvNames);
    const wrong = findWrongOption(options, recvNames);
    if (wrong !== undefined) return rejected(wrong);
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    const match = options?.match ?? always;
    try {
      const found = this.#takeHeld(match);
      if (found !== undefined) return Promise.resolve(found.value);
    } catch (error) {
      return rejected(error);
    }
    if (this.#end !== undefined) return rejected(this.#end.error);
    if (this.#isFull) return rejected(this.#overflow());
    const calls = (this.#calls ??= new LinkedQueue());
    const wait = new Wait<Received>(this.#context.runtime, "recv", options, () => void calls.leave(place));
    const place = calls.enter({ match, wait });
    return wait.promise;
  }

  /** @throws what `match` throws. */
  #takeHeld(match: (message: Received) => boolean): { readonly value: Received } | undefined {
    for (const [index, message] of this.#held?.entries() ?? []) {
      const decoded = this.#decode(message);
      if (decoded === undefined || !this.#ask(match, decoded.value, undefined)) continue;
      this.#held!.splice(index, 1);
      this.#bytes -= message.size;
      this.#look();
      return decoded;
    }
    return undefined;
  }

  /** The hook is done: gives what it has not taken, and holds nothing from now on. Reading goes on behind it, by its owner. */
  release(): readonly HeldMessage[] {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#bytes = 0;
    this.#isFull = false;
    return held;
  }

  /** The connection is gone: calls that wait, and those to come, reject with `error`. */
  end(error: unknown): void {
    this.#end = { error };
    for (const { wait } of this.#calls?.takeAll() ?? []) wait.reject(error);
  }
}

function always(): boolean {
  return true;
}
