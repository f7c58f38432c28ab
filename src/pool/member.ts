/** One connection of a pool: its client, what it is used for, and its timer. It does not choose the next use. */
import type { EventMap, Runtime, Timer, WebSocket } from "../index.js";
import type { Endpoint } from "./endpoints.js";
import { PoolError } from "./errors.js";

/** What a connection is used for. */
export type MemberUse = "opening" | "idle" | "leased" | "shared" | "checking" | "closing";

export type PoolClient = WebSocket;

export interface MemberHandler {
  /** The connection has ended, and its socket is closed. */
  onGone(member: Member): void;
  /** Nobody has leased the connection, and a message arrived. */
  onLateMessage(member: Member): void;
  /** A message arrived on a shared connection. */
  onSharedMessage(data: unknown): void;
  /** A message of a shared connection was dropped. */
  onSharedDrop(event: EventMap<unknown>["dropped"]): void;
  /** Something failed that does not end the connection, such as a message that does not match the option `schema`. */
  onError(error: Error): void;
}

/** Milliseconds that a server in another process has to notice that a socket was closed. */
const noticeTime = 10;

const noop = (): void => undefined;

export class Member {
  use: MemberUse = "opening";
  /** `undefined` before the first attempt. */
  client: PoolClient | undefined;
  /** The time at which the connection was opened. */
  openedAt = 0;
  /** The end of the last use. */
  usedAt = 0;
  /** `true` after the first lease. */
  wasLeased = false;
  /** `true` if the connection ended before the pool closed it. */
  isLost = false;
  /** The endpoint of the connection. `undefined` before the connection is open. */
  endpoint: Endpoint | undefined;
  /** `true` while `validate` runs for a call that waits. */
  isForWaiter = false;
  /** Calls of `send()` of the pool that have this connection and have not settled. */
  sending = 0;
  /** `true` if a lease needs the place of this shared connection: further calls of `send()` do not use it. */
  isRetired = false;
  sentCount = 0;
  /** Resolves when the socket is closed and the pool may open another one. */
  readonly gone: Promise<void>;
  #resolveGone!: () => void;
  readonly #runtime: Runtime;
  readonly #handler: MemberHandler;
  #ended = new AbortController();
  #timer: Timer | undefined;
  #isOpen = false;
  readonly #onLate = (): void => this.#handler.onLateMessage(this);
  readonly #onShared = ({ data }: { readonly data: unknown }): void => this.#handler.onSharedMessage(data);
  readonly #onDropped = (event: EventMap<unknown>["dropped"]): void => this.#handler.onSharedDrop(event);

  constructor(runtime: Runtime, handler: MemberHandler) {
    this.#runtime = runtime;
    this.#handler = handler;
    this.gone = new Promise((resolve) => (this.#resolveGone = resolve));
  }

  /** Aborted when the connection ends during its present use, so that a later use adds no listeners to it. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Makes one attempt. @returns the error of the attempt, after its socket is closed. */
  async attempt(client: PoolClient): Promise<Error | undefined> {
    this.client = client;
    client.on("error", ({ error, isFatal }) => {
      if (!isFatal) this.#handler.onError(error);
    });
    const closed = new Promise<void>((resolve) => client.on("closed", () => this.#afterClose(resolve)));
    try {
      await client.connect();
    } catch (error) {
      await closed;
      return error as Error;
    }
    this.#isOpen = true;
    this.openedAt = this.usedAt = this.#runtime.now();
    void closed.then(() => this.#onClosed());
    return undefined;
  }

  /**
   * Waits until the server has probably seen the end of the socket as well. Otherwise the server may accept the next
   * connection before it sees the end of this one, and count one connection too many. A server in the same process needs
   * two turns of the event loop.
   */
  #afterClose(done: () => void): void {
    if (this.use !== "closing") this.isLost = true;
    if (this.#isOpen) this.#ended.abort(this.#endError());
    const runtime = this.#runtime;
    runtime.setTimer(noticeTime, () => runtime.afterTurn(() => runtime.afterTurn(done)));
  }

  #endError(): Error {
    const report = this.client?.lastReport;
    const message = `The connection of the pool has ended: ${report?.verdict ?? "unknown"}. Acquire another one.`;
    return report?.error ?? new PoolError(message, { code: "CONNECTION_ENDED" });
  }

  #onClosed(): void {
    // The connection may have ended in the turn in which it was opened.
    if (!this.ended.aborted) this.#ended.abort(this.#endError());
    this.removed();
    this.#handler.onGone(this);
  }

  /** The connection no longer counts. */
  removed(): void {
    this.use = "closing";
    this.clearTimer();
    this.#resolveGone();
  }

  /** `true` if a lease or a call of `send()` has had this connection. */
  get wasUsed(): boolean {
    return this.wasLeased || this.sentCount > 0;
  }

  /** `true` if a lease or a call of `send()` may have had an answer. */
  get wasUseful(): boolean {
    return this.wasUsed && this.client!.stats().messagesReceived > 0;
  }

  get isUsable(): boolean {
    return this.client?.state === "connected";
  }

  /** Sets the use, and routes the messages that arrive. */
  setUse(use: Exclude<MemberUse, "opening" | "closing">): void {
    this.#stopRouting();
    this.use = use;
    if (!this.ended.aborted) this.#ended = new AbortController();
    if (use === "leased") this.wasLeased = true;
    if (use === "shared") this.client?.on("message", this.#onShared).on("dropped", this.#onDropped);
    // Before the first lease, messages such as a greeting wait for the first lease.
    if (use === "idle" && this.wasLeased) this.client?.on("message", this.#onLate);
  }

  #stopRouting(): void {
    if (this.use === "shared") this.client?.off("message", this.#onShared).off("dropped", this.#onDropped);
    if (this.use === "idle" && this.wasLeased) this.client?.off("message", this.#onLate);
  }

  /** Discards the messages that wait to be read. */
  async drain(): Promise<void> {
    this.client?.on("message", noop);
    // The client passes waiting messages to a new listener at the end of the tick.
    await new Promise<void>((resolve) => this.#runtime.defer(resolve));
    if (this.use !== "closing") this.client?.off("message", noop);
  }

  /** Calls back after `delay` milliseconds, instead of an earlier timer. */
  setTimer(delay: number, callback: () => void): void {
    this.clearTimer();
    if (delay < Infinity) this.#timer = this.#runtime.setTimer(Math.max(delay, 0), callback);
    // The connection keeps the process running.
    this.#timer?.unref();
  }

  clearTimer(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  /** Closes the connection. @returns {@link gone}. */
  close(code: number = 1000): Promise<void> {
    this.clearTimer();
    if (this.use !== "closing") {
      this.isLost = !this.isUsable;
      // Messages that nobody reads would fill the inbox, and delay the Close frame of the server. Answers on a shared
      // connection still arrive.
      if (this.use !== "shared") {
        this.#stopRouting();
        this.client?.on("message", noop);
      }
      this.use = "closing";
      void this.client?.close(code);
    }
    return this.gone;
  }

  /** Ends the connection or the attempt without a closing handshake. */
  terminate(): void {
    this.clearTimer();
    this.use = "closing";
    this.client?.terminate();
  }
}

/** The load that `send()` compares. 0 if the connection has nothing to do. */
export function loadOf({ sending, client }: Member): number {
  return sending + client!.bufferedAmount;
}

export function isLessLoaded(a: Member, b: Member): boolean {
  const difference = a.sending - b.sending || a.client!.bufferedAmount - b.client!.bufferedAmount;
  return (difference || a.sentCount - b.sentCount) < 0;
}
