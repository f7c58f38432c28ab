/**
 * Implements the connection object that `onConnection` and `onReplay` receive, and buffers messages while
 * `onConnection` runs. It does not run the hooks.
 */
import { BufferOverflowError } from "../../errors.js";
import type { Deserializer, SetupConnection, SetupRecvOptions } from "../../options/options.js";
import { readCallOptions } from "../../options/call-options.js";
import type { Runtime } from "../../runtime/runtime.js";
import { rejected, Wait } from "../../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../../runtime/linked-queue.js";

/** A received message. A hook consumes it, or the client receives it after the hook. */
export interface BufferedMessage {
  readonly data: string | Buffer;
  /** Bytes. */
  readonly size: number;
  /** When the message arrived, in milliseconds of the runtime's clock. */
  readonly at: number;
  /** The decoded value, cached when a `recv()` first examines the message. */
  decoded?: { readonly value: unknown };
}

/** From this count on, each further message adds `bytesPerExtraMessage`, so that empty messages are limited too. */
const freeMessageCount = 1_000;
const bytesPerExtraMessage = 128;

interface Call<Received> {
  readonly match: (message: Received) => boolean;
  readonly wait: Wait<Received>;
}

/** The sending half of the connection object. */
export type HookSender<Received, Sent> = Pick<
  SetupConnection<Received, Sent>,
  "url" | "subprotocol" | "extensions" | "send" | "sendRaw" | "ping"
>;

interface HookContext<Received, Sent> {
  readonly sender: HookSender<Received, Sent>;
  readonly runtime: Runtime;
  readonly deserializer: Deserializer<Received>;
  /** The most bytes that are buffered before reading pauses. */
  readonly maxBytes: number;
  /** True if `onConnection` runs: messages are buffered until `release()`. */
  readonly isBuffering: boolean;
}

export interface HookConnectionHandler {
  /** Called when the buffered messages exceed `maxBytes`, and when they no longer do. Pause or resume reading. */
  onFull(isFull: boolean): void;
}

const recvNames = ["match", "signal", "timeout"];

/**
 * One connection as `onConnection` and `onReplay` see it. While `onConnection` runs, received messages are buffered
 * here, up to `maxBytes`. The client then receives, in order, the messages that no `recv()` consumed.
 */
export class HookConnection<Received, Sent> {
  readonly #context: HookContext<Received, Sent>;
  readonly #handler: HookConnectionHandler;
  /** Created when a `recv()` first has to wait. */
  #calls: LinkedQueue<Call<Received>> | undefined;
  #publicConnection: SetupConnection<Received, Sent> | undefined;
  #buffered: BufferedMessage[] | undefined;
  #bytes = 0;
  #isFull = false;
  #end: { readonly error: unknown } | undefined;

  constructor(context: HookContext<Received, Sent>, handler: HookConnectionHandler) {
    this.#context = context;
    this.#handler = handler;
    if (context.isBuffering) this.#buffered = [];
  }

  /** The object that is passed to the hooks. */
  get publicConnection(): SetupConnection<Received, Sent> {
    this.#publicConnection ??= Object.freeze({
      ...this.#context.sender,
      recv: (options?: SetupRecvOptions<Received>) => this.#recv(options),
    });
    return this.#publicConnection;
  }

  /** True if received messages must be passed to {@link receive} first. */
  get wantsMessages(): boolean {
    return this.#buffered !== undefined || this.#hasCalls();
  }

  #hasCalls(): boolean {
    return this.#calls !== undefined && this.#calls.length > 0;
  }

  /** @returns `false` if the message was neither buffered nor consumed; the client receives it. */
  receive(message: BufferedMessage): boolean {
    if (this.#calls !== undefined && this.#offerToCalls(message, this.#calls)) return true;
    if (this.#buffered === undefined) return false;
    this.#buffered.push(message);
    this.#bytes += message.size;
    this.#updateFullness();
    return true;
  }

  /** @returns `true` if a `recv()` consumed the message. */
  #offerToCalls(message: BufferedMessage, calls: LinkedQueue<Call<Received>>): boolean {
    if (calls.length === 0) return false;
    const decoded = this.#decode(message);
    if (decoded === undefined) return false;
    const nodes: LinkedQueueNode<Call<Received>>[] = [];
    for (let node = calls.firstNode; node !== undefined; node = node.next) nodes.push(node);
    for (const node of nodes) {
      // A `match` function may end any pending call, including its own.
      if (!node.isQueued || !this.#matches(node.item.match, decoded.value, node)) continue;
      if (!calls.remove(node)) continue;
      node.item.wait.resolve(decoded.value);
      return true;
    }
    return false;
  }

  /**
   * @returns `undefined` if the deserializer throws. No `recv()` consumes such a message; the client reports the error.
   */
  #decode(message: BufferedMessage): { readonly value: Received } | undefined {
    const { data } = message;
    try {
      message.decoded ??= { value: this.#context.deserializer(data, typeof data !== "string") };
      return message.decoded as { readonly value: Received };
    } catch {
      return undefined;
    }
  }

  #matches(
    match: (message: Received) => boolean,
    value: Received,
    node: LinkedQueueNode<Call<Received>> | undefined,
  ): boolean {
    try {
      return match(value);
    } catch (error) {
      if (node === undefined) throw error;
      this.#calls?.remove(node);
      node.item.wait.reject(error);
      return false;
    }
  }

  #updateFullness(): void {
    const cost = Math.max((this.#buffered?.length ?? 0) - freeMessageCount, 0) * bytesPerExtraMessage;
    const isFull = this.#bytes + cost > this.#context.maxBytes;
    if (isFull) for (const { wait } of this.#calls?.takeAll() ?? []) wait.reject(this.#overflow());
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#handler.onFull(isFull);
  }

  #overflow(): BufferOverflowError {
    return new BufferOverflowError(
      `More than ${this.#context.maxBytes} bytes (maxMessageSize) arrived while onConnection waited for a message, ` +
        `and none matched. Check the match function of recv(), or request less data before the awaited message.`,
    );
  }

  #recv(given: SetupRecvOptions<Received> | undefined): Promise<Received> {
    let options: SetupRecvOptions<Received> | undefined;
    try {
      options = readCallOptions(given, recvNames);
    } catch (error) {
      return rejected(error);
    }
    if (options?.signal?.aborted === true) return rejected(options.signal.reason);
    const match = options?.match ?? always;
    try {
      const found = this.#takeBuffered(match);
      if (found !== undefined) return Promise.resolve(found.value);
    } catch (error) {
      return rejected(error);
    }
    if (this.#end !== undefined) return rejected(this.#end.error);
    if (this.#isFull) return rejected(this.#overflow());
    const calls = (this.#calls ??= new LinkedQueue());
    const wait = new Wait<Received>(this.#context.runtime, "recv", options, () => void calls.remove(node));
    const node = calls.add({ match, wait });
    return wait.promise;
  }

  /** @throws the error that `match` throws. */
  #takeBuffered(match: (message: Received) => boolean): { readonly value: Received } | undefined {
    for (const [index, message] of this.#buffered?.entries() ?? []) {
      const decoded = this.#decode(message);
      if (decoded === undefined || !this.#matches(match, decoded.value, undefined)) continue;
      this.#buffered!.splice(index, 1);
      this.#bytes -= message.size;
      this.#updateFullness();
      return decoded;
    }
    return undefined;
  }

  /**
   * Ends the buffering and returns the messages that the hook did not consume. The owner resumes reading afterwards.
   */
  release(): readonly BufferedMessage[] {
    const buffered = this.#buffered ?? [];
    this.#buffered = undefined;
    this.#bytes = 0;
    this.#isFull = false;
    return buffered;
  }

  /** Rejects pending and later `recv()` calls with `error`, because the connection has ended. */
  end(error: unknown): void {
    this.#end = { error };
    for (const { wait } of this.#calls?.takeAll() ?? []) wait.reject(error);
  }
}

function always(): boolean {
  return true;
}
