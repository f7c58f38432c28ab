/**
 * Implements the connection object that `onConnection` and `onReplay` receive, and buffers messages while
 * `onConnection` runs. This module does not call `onConnection` or `onReplay`.
 */
import { BufferOverflowError } from "../../errors.js";
import type { Deserializer, SetupConnection, SetupRecvOptions } from "../../options/options.js";
import { readCallOptions, recvNames } from "../../options/call-options.js";
import type { Runtime } from "../../runtime/runtime.js";
import { rejected, Wait } from "../../runtime/wait.js";
import { type LinkedQueueNode, LinkedQueue } from "../../runtime/linked-queue.js";

/**
 * A received message. If no `recv()` call of `onConnection` or `onReplay` consumes the message, it is passed to the
 * client afterwards.
 */
export interface BufferedMessage {
  readonly data: string | Buffer;
  /** The size of the message in bytes. */
  readonly size: number;
  /** The time of arrival, in milliseconds of the runtime's clock. */
  readonly at: number;
  /** The decoded value. It is stored when a `recv()` first examines the message. `"failed"`: the deserializer threw. */
  decoded?: { readonly value: unknown } | "failed";
}

/**
 * If more than this number of messages is buffered, each further message counts as its size plus a fixed number of
 * bytes. Without this addition, the buffer could contain any number of empty messages.
 */
const freeMessageCount = 1_000;
const bytesPerExtraMessage = 128;

interface Call {
  readonly match: (message: unknown) => boolean;
  readonly wait: Wait<unknown>;
}

interface HookContext {
  /** The properties and the sending methods of the public connection object. */
  readonly sender: Omit<SetupConnection<unknown, unknown>, "recv" | "ended">;
  readonly runtime: Runtime;
  readonly deserializer: Deserializer<unknown>;
  /** Reading pauses when the buffer exceeds this number of bytes. */
  readonly maxBytes: number;
  /** True if `onConnection` runs. Messages are then buffered until `release()` is called. */
  readonly isBuffering: boolean;
  /** @param isFull - `true`: the buffer exceeds `maxBytes`, so reading must pause. `false`: reading must resume. */
  readonly onFull: (isFull: boolean) => void;
}

/**
 * The connection that `onConnection` and `onReplay` use. Received messages are buffered here while `onConnection` runs.
 * Afterwards the client receives the unconsumed messages in order.
 */
export class HookConnection {
  /** The object that `onConnection` and `onReplay` receive. */
  readonly publicConnection: SetupConnection<unknown, unknown>;
  readonly #context: HookContext;
  /** The pending `recv()` calls. */
  readonly #calls = new LinkedQueue<Call>();
  #buffered: BufferedMessage[] | undefined;
  #bytes = 0;
  #isFull = false;
  #end: { readonly error: unknown } | undefined;
  /** Created when `ended` is read for the first time, because most applications do not read it. */
  #ended: AbortController | undefined;

  constructor(context: HookContext) {
    this.#context = context;
    if (context.isBuffering) this.#buffered = [];
    const endedSignal = (): AbortSignal => this.#endedSignal();
    this.publicConnection = Object.freeze({
      ...context.sender,
      recv: (options?: SetupRecvOptions<unknown>) => this.#recv(options),
      get ended(): AbortSignal {
        return endedSignal();
      },
    });
  }

  #endedSignal(): AbortSignal {
    if (this.#ended === undefined) {
      this.#ended = new AbortController();
      if (this.#end !== undefined) this.#ended.abort(this.#end.error);
    }
    return this.#ended.signal;
  }

  /** True if each received message must be passed to {@link receive} before it may be passed to the client. */
  get wantsMessages(): boolean {
    return this.#buffered !== undefined || this.#calls.length > 0;
  }

  /**
   * @returns `false` if the message was neither buffered nor consumed. The caller must then pass the message to the
   *   client.
   */
  receive(message: BufferedMessage): boolean {
    if (this.#offerToCalls(message)) return true;
    if (this.#buffered === undefined) return false;
    this.#buffered.push(message);
    this.#bytes += message.size;
    this.#updateFullness();
    return true;
  }

  /** @returns `true` if a `recv()` consumed the message. */
  #offerToCalls(message: BufferedMessage): boolean {
    const calls = this.#calls;
    if (calls.length === 0) return false;
    const decoded = this.#decode(message);
    if (decoded === undefined) return false;
    const nodes: LinkedQueueNode<Call>[] = [];
    for (let node = calls.firstNode; node !== undefined; node = node.next) nodes.push(node);
    for (const node of nodes) {
      const { match, wait } = node.item;
      try {
        // A `match` function may end any pending call, including its own call.
        if (!node.isQueued || !match(decoded.value) || !calls.remove(node)) continue;
      } catch (error) {
        calls.remove(node);
        wait.reject(error);
        continue;
      }
      wait.resolve(decoded.value);
      return true;
    }
    return false;
  }

  /**
   * @returns `undefined` if the deserializer throws. No `recv()` of the connection object consumes such a message. The
   *   client decodes the message again later, and reports the error.
   */
  #decode(message: BufferedMessage): { readonly value: unknown } | undefined {
    const { data } = message;
    try {
      message.decoded ??= { value: this.#context.deserializer(data, typeof data !== "string") };
    } catch {
      // Each `recv()` examines all buffered messages, and a server may send many that cannot be decoded.
      message.decoded = "failed";
    }
    return message.decoded === "failed" ? undefined : message.decoded;
  }

  #updateFullness(): void {
    const cost = Math.max((this.#buffered?.length ?? 0) - freeMessageCount, 0) * bytesPerExtraMessage;
    const isFull = this.#bytes + cost > this.#context.maxBytes;
    if (isFull) for (const { wait } of this.#calls.takeAll()) wait.reject(this.#overflow());
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#context.onFull(isFull);
  }

  #overflow(): BufferOverflowError {
    return new BufferOverflowError(
      `More than ${this.#context.maxBytes} bytes (maxMessageSize) arrived while onConnection waited for a message, ` +
        `and none matched. Check the match function of recv().`,
    );
  }

  #recv(given: SetupRecvOptions<unknown> | undefined): Promise<unknown> {
    try {
      const options = readCallOptions(given, recvNames);
      if (options?.signal?.aborted === true) return rejected(options.signal.reason);
      const match = options?.match ?? (() => true);
      const found = this.#takeBuffered(match);
      if (found !== undefined) return Promise.resolve(found.value);
      if (this.#end !== undefined) return rejected(this.#end.error);
      if (this.#isFull) return rejected(this.#overflow());
      const { runtime } = this.#context;
      const wait = new Wait<unknown>(runtime, "recv", options, () => void this.#calls.remove(node));
      const node = this.#calls.add({ match, wait });
      return wait.promise;
    } catch (error) {
      return rejected(error);
    }
  }

  /** @throws any error of the `match` function. */
  #takeBuffered(match: (message: unknown) => boolean): { readonly value: unknown } | undefined {
    for (let index = 0; ; index++) {
      const message = this.#buffered?.[index];
      if (message === undefined) return undefined;
      const decoded = this.#decode(message);
      const isMatch = decoded !== undefined && match(decoded.value);
      // The deserializer and `match` may call `recv()`, which removes messages from the buffer.
      if (this.#buffered?.[index] !== message) index = this.#buffered?.indexOf(message) ?? -1;
      if (!isMatch || index === -1) continue;
      this.#buffered!.splice(index, 1);
      this.#bytes -= message.size;
      this.#updateFullness();
      return decoded;
    }
  }

  /** Ends the buffering and returns the messages that no `recv()` consumed. The caller must then resume reading. */
  release(): readonly BufferedMessage[] {
    const buffered = this.#buffered ?? [];
    this.#buffered = undefined;
    this.#bytes = 0;
    this.#isFull = false;
    return buffered;
  }

  /** Rejects pending and later `recv()` calls with `error`, because the connection has ended. Aborts `ended`. */
  end(error: unknown): void {
    this.#end = { error };
    for (const { wait } of this.#calls.takeAll()) wait.reject(error);
    this.#ended?.abort(error);
  }
}
