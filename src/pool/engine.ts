/**
 * Opens, assigns and closes the connections of a pool. It keeps the number of sockets within `max`. It does not check
 * arguments.
 */
import { SharedAborts } from "../channels/shared-abort.js";
import { type EventMap, type MessageOptions, type Stats, WebSocket } from "../index.js";
import { Lease } from "./connection.js";
import { type Endpoint, Endpoints } from "./endpoints.js";
import { RefillPause } from "./refill-pause.js";
import { PoolClosedError, PoolError } from "./errors.js";
import { callHook, failure } from "./hooks.js";
import { isLessLoaded, loadOf, Member, type MemberHandler, type PoolClient } from "./member.js";
import { MergedStats } from "./merged-stats.js";
import type { PoolStats } from "./options.js";
import type { ResolvedOptions } from "./resolve-options.js";
import { type Waiter, Waiters } from "./waiters.js";

export interface EngineHandler {
  onError(error: Error): void;
  /** A call of `send()` got no connection, and rejects. */
  onUnsent(error: Error): void;
  onMessage(data: unknown): void;
  onDropped(event: EventMap<unknown>["dropped"]): void;
}

interface Limits {
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
}

/** A connection that is lost within this number of milliseconds may be of no use. */
const earlyLoss = 1_000;

export class PoolEngine implements MemberHandler {
  readonly #options: ResolvedOptions;
  readonly #handler: EngineHandler;
  readonly #endpoints: Endpoints;
  /** All connections whose socket may be open. */
  readonly #members = new Set<Member>();
  /** Unused connections. The last one was used most recently. */
  readonly #idle: Member[] = [];
  readonly #aborts = new SharedAborts();
  readonly #waiters: Waiters<Member>;
  readonly #stats = new MergedStats();
  readonly #stopListening: () => void;
  readonly #refillPause: RefillPause;
  #leaseCount = 0;
  #longestWaitMs = 0;
  #lateMessageCount = 0;
  /** The error of new calls, after the pool began to close. */
  #closedError: { readonly reason: unknown } | undefined;
  #closeTimer: { clear(): void } | undefined;
  #deadline = Infinity;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(options: ResolvedOptions, handler: EngineHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#endpoints = new Endpoints(options.endpoints);
    this.#waiters = new Waiters(options.runtime, this.#aborts);
    this.#refillPause = new RefillPause(options.runtime, () => this.#pump());
    const { signal } = options;
    this.#stopListening = this.#aborts.add(signal, () => this.#onAborted());
    if (signal?.aborted === true) this.#onAborted();
    this.#pump();
  }

  get isClosed(): boolean {
    return this.#closedError !== undefined;
  }

  /** The signal is also an option of the clients, which end their connections themselves. */
  #onAborted(): void {
    this.#beginClose(this.#options.signal?.reason);
  }

  async acquire(limits: Limits): Promise<Lease<unknown, unknown>> {
    this.#refuse(limits);
    const since = this.#options.runtime.now();
    const wait = this.#waiters.wait("lease", "acquire", limits);
    this.#pump();
    const member = await wait;
    this.#longestWaitMs = Math.max(this.#longestWaitMs, this.#options.runtime.now() - since);
    this.#leaseCount++;
    return new Lease(sourceOf(member), (isDiscarded) => this.#release(member, isDiscarded));
  }

  async send(value: unknown, options: MessageOptions | undefined, limits: Limits): Promise<void> {
    this.#refuse(limits);
    let member = this.#leastLoaded();
    if (member === undefined) {
      const wait = this.#waiters.wait("shared", "send", limits);
      wait.catch((error: unknown) => this.#onUnsent(error, limits.signal));
      this.#pump();
      // `#assign` has counted the call.
      member = await wait;
    } else member.sending++;
    member.sentCount++;
    try {
      await member.client!.send(value, options);
    } finally {
      member.sending--;
      member.usedAt = this.#options.runtime.now();
      this.#closeIfSpent(member);
      this.#pump();
    }
  }

  /** The application itself has aborted the call or closed the pool, and needs no report. */
  #onUnsent(error: unknown, signal: AbortSignal | undefined): void {
    if (!this.isClosed && signal?.aborted !== true) this.#handler.onUnsent(error as Error);
  }

  /** Closes a shared connection that no call of `send()` uses any more. */
  #closeIfSpent(member: Member): void {
    if (member.use !== "shared" || member.sending > 0) return;
    if (member.isRetired || this.#isTooOld(member)) void member.close();
  }

  /** @throws the reason for which the pool or the call accepts nothing. */
  #refuse({ signal }: Limits): void {
    if (this.#closedError !== undefined) throw this.#closedError.reason as Error;
    if (signal?.aborted === true) throw signal.reason as Error;
  }

  /** Returns the connection for `send()`, and opens another one if each connection is busy. */
  #leastLoaded(): Member | undefined {
    let best: Member | undefined;
    for (const member of this.#members) {
      const isFree = (member.use === "shared" && !member.isRetired) || member.use === "idle";
      if (!isFree || !member.isUsable || this.#isTooOld(member)) continue;
      if (best === undefined || isLessLoaded(member, best)) best = member;
    }
    if (best?.use === "idle") this.#share(best);
    if (best !== undefined && loadOf(best) > 0 && this.#waiters.size === 0 && this.#supply() === 0)
      if (this.#members.size < this.#options.max) this.#open();
    return best;
  }

  #share(member: Member): void {
    this.#removeIdle(member);
    member.setUse("shared");
    this.#armIdleTimer(member);
  }

  #removeIdle(member: Member): void {
    const index = this.#idle.lastIndexOf(member);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  #count(use: Member["use"]): number {
    let count = 0;
    for (const member of this.#members) if (member.use === use) count++;
    return count;
  }

  /** The number of connections that will be available soon for calls that wait. */
  #supply(): number {
    let count = 0;
    for (const member of this.#members)
      if (member.use === "opening" || (member.use === "checking" && member.isForWaiter)) count++;
    return count;
  }

  /** Assigns unused connections to calls that wait, and opens connections within `max`. */
  #pump(): void {
    if (this.isClosed) return;
    let supply = this.#supply();
    while (supply < this.#waiters.demand) {
      const idle = this.#idle.pop();
      if (idle === undefined) {
        if (this.#members.size >= this.#options.max) break;
        this.#open();
        supply++;
      } else if (!idle.isUsable) continue;
      else if (this.#isTooOld(idle)) void idle.close();
      else if (this.#options.validate === undefined) this.#assign(idle);
      else {
        void this.#validate(idle);
        supply++;
      }
    }
    if (supply < this.#waiters.leaseCount) this.#retireShared(this.#waiters.leaseCount - supply);
    this.#refill();
  }

  /** Closes the least loaded shared connections after their pending calls, because leases need their places. */
  #retireShared(needed: number): void {
    let missing = needed - this.#count("closing");
    const shared = [...this.#members].filter(({ use }) => use === "shared");
    for (const { isRetired } of shared) if (isRetired) missing--;
    if (missing <= 0) return;
    const others = shared.filter(({ isRetired }) => !isRetired).toSorted((a, b) => a.sending - b.sending);
    for (const member of others.slice(0, missing)) {
      member.isRetired = true;
      this.#closeIfSpent(member);
    }
  }

  /** Keeps `min` connections open. */
  #refill(): void {
    if (this.#refillPause.isOn) return;
    const { min, max } = this.#options;
    let open = this.#members.size - this.#count("closing");
    while (open < min && this.#members.size < max) {
      this.#open();
      open++;
    }
  }

  #open(): void {
    const member = new Member(this.#options.runtime, this);
    this.#members.add(member);
    void this.#fill(member);
  }

  /** Tries the endpoints one after another. The connection counts all the time. */
  async #fill(member: Member): Promise<void> {
    const { runtime } = this.#options;
    const errors: Error[] = [];
    for (const endpoint of this.#endpoints.order(runtime.now())) {
      if (this.isClosed) break;
      this.#endpoints.onAttempt(endpoint, runtime.now());
      const client = this.#createClient(endpoint);
      const error = await member.attempt(client);
      if (error === undefined) {
        this.#endpoints.onConnected(endpoint);
        member.endpoint = endpoint;
        this.#onOpened(member);
        return;
      }
      this.#stats.add(client.stats());
      this.#endpoints.onFailed(endpoint, runtime.now());
      errors.push(error);
    }
    member.removed();
    this.#members.delete(member);
    if (!this.isClosed) this.#onOpenFailed(errors);
    this.#onMembersChanged();
  }

  #createClient(endpoint: Endpoint): PoolClient {
    return new WebSocket<unknown, unknown>(endpoint.url, this.#options.client);
  }

  #onOpened(member: Member): void {
    // The pool began to close during the attempt, or the connection has ended already.
    if (this.isClosed || member.use !== "opening") {
      member.use = "idle";
      void member.close();
      return;
    }
    // The service works again. If no call waits, `#refill` has opened the connection, and its pause protects the service.
    if (this.#waiters.first !== undefined) this.#refillPause.end();
    this.#makeAvailable(member);
    this.#pump();
  }

  /** The call that waits longest rejects. Without such a call the error is reported. */
  #onOpenFailed(errors: readonly Error[]): void {
    const message = `None of the ${errors.length} endpoints of the pool accepted a connection. See the property errors.`;
    const error =
      errors.length === 1 ? errors[0]! : new PoolError(message, { code: "ENDPOINTS_FAILED", errors });
    const waiter = this.#waiters.first;
    if (waiter === undefined) this.#onUnusedFailed(error);
    else waiter.reject(error);
  }

  /** An attempt that no call waited for failed, or an unused connection was lost early. `#refill` pauses. */
  #onUnusedFailed(error: Error, isLoss: boolean = false): void {
    // Several connections may have failed at once.
    if (this.#refillPause.isOn) return;
    const pause = this.#refillPause.onFailed(isLoss);
    if (pause === 0) return;
    this.#handler.onError(error);
    if (!this.isClosed && this.#options.min > 0) this.#refillPause.begin(pause);
  }

  /** Gives the connection to the call that waits longest, or keeps it. */
  #makeAvailable(member: Member): void {
    if (!member.isUsable) return;
    if (this.#waiters.first !== undefined) this.#assign(member);
    else {
      member.setUse("idle");
      // Messages that arrived after the hook have closed the connection.
      if (member.use !== "idle") return;
      this.#idle.push(member);
      this.#armIdleTimer(member);
    }
  }

  #assign(member: Member): void {
    const waiter: Waiter<Member> = this.#waiters.first!;
    member.clearTimer();
    if (waiter.kind === "lease") {
      member.setUse("leased");
      waiter.resolve(member);
    } else {
      this.#share(member);
      member.sending += this.#waiters.resolveShared(member);
    }
  }

  #isTooOld(member: Member): boolean {
    return this.#options.runtime.now() - member.openedAt >= this.#options.maxAge;
  }

  /** Closes the connection when it was unused for `idleTimeout`, or when it is older than `maxAge`. */
  #armIdleTimer(member: Member): void {
    const { idleTimeout, maxAge, runtime } = this.#options;
    const now = runtime.now();
    // A connection that is kept in spite of a time that has passed is examined again after `idleTimeout`.
    const times = [member.usedAt + idleTimeout - now, member.openedAt + maxAge - now];
    const delay = Math.min(...times.filter((left) => left > 0), idleTimeout);
    member.setTimer(delay, () => this.#onIdle(member));
  }

  #onIdle(member: Member): void {
    if (this.isClosed) return;
    const { idleTimeout, min, runtime } = this.#options;
    const isUnused = member.sending === 0 && runtime.now() - member.usedAt >= idleTimeout;
    const isSpare = this.#members.size - this.#count("closing") > min;
    if (member.sending === 0 && (this.#isTooOld(member) || (isUnused && isSpare))) {
      this.#removeIdle(member);
      void member.close();
      this.#pump();
    } else this.#armIdleTimer(member);
  }

  async #validate(member: Member): Promise<void> {
    member.setUse("checking");
    member.isForWaiter = true;
    const isValid = await this.#runHook("validate", member);
    await this.#afterHook(member, isValid);
  }

  async #release(member: Member, isDiscarded: boolean): Promise<void> {
    if (member.use !== "leased") return member.gone;
    member.usedAt = this.#options.runtime.now();
    const isKept = !isDiscarded && this.#options.reset !== undefined && !this.isClosed;
    if (!isKept || this.#isTooOld(member) || !member.isUsable) return this.#close(member);
    member.setUse("checking");
    await this.#afterHook(member, await this.#runHook("reset", member));
    // `close()` was called, also by `afterHook`.
    if ((member.use as Member["use"]) === "closing") return member.gone;
  }

  /** @returns whether the connection may be used again. */
  async #runHook(name: "validate" | "reset", member: Member): Promise<boolean> {
    try {
      const result = await callHook(name, this.#options[name]!, sourceOf(member), this.#options);
      if (name === "reset") return true;
      if (typeof result === "boolean") return result;
      throw failure(name, "must return true or false");
    } catch (error) {
      // The end of the connection is no failure of the hook.
      if (!member.ended.aborted) this.#handler.onError(error as Error);
      return false;
    }
  }

  async #afterHook(member: Member, isGood: boolean): Promise<void> {
    // Before the first lease, messages such as a greeting wait for the first lease.
    if (isGood && member.wasLeased) await member.drain();
    member.isForWaiter = false;
    if (member.use !== "checking") return;
    member.usedAt = this.#options.runtime.now();
    if (isGood && !this.isClosed && member.isUsable) this.#makeAvailable(member);
    else void member.close();
    this.#pump();
  }

  #close(member: Member): Promise<void> {
    const gone = member.close();
    this.#pump();
    return gone;
  }

  // The following methods are called by connections.

  onGone(member: Member): void {
    this.#removeIdle(member);
    this.#members.delete(member);
    this.#stats.add(member.client!.stats());
    if (!this.isClosed) this.#judge(member);
    this.#onMembersChanged();
  }

  /** A connection that is lost early was of no use, like a failed attempt. Otherwise the pool would open the next at once. */
  #judge(member: Member): void {
    const now = this.#options.runtime.now();
    const isEarly = member.isLost && now - member.openedAt < earlyLoss;
    this.#endpoints.onEnded(member.endpoint!, isEarly && !member.wasUseful, now);
    if (isEarly && !member.wasUsed) this.#onUnusedFailed(member.ended.reason as Error, true);
  }

  onLateMessage(member: Member): void {
    this.#lateMessageCount++;
    if (member.use !== "idle") return;
    this.#removeIdle(member);
    void member.close();
    const message =
      "A message arrived on an unused connection of the pool, after reset had returned. The pool closes the connection. " +
      "Let reset wait until the server sends nothing more.";
    this.#handler.onError(new PoolError(message, { code: "LATE_MESSAGE" }));
    this.#pump();
  }

  onSharedMessage(data: unknown): void {
    this.#handler.onMessage(data);
  }

  onSharedDrop(event: EventMap<unknown>["dropped"]): void {
    this.#handler.onDropped(event);
  }

  onError(error: Error): void {
    this.#handler.onError(error);
  }

  // The following methods close the pool.

  #onMembersChanged(): void {
    this.#pump();
    if (!this.isClosed || this.#members.size > 0) return;
    this.#closeTimer?.clear();
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  close(timeout: number): Promise<void> {
    this.#beginClose(new PoolClosedError("The pool is closed. Create another pool.", "closed"));
    const empty = new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    this.#terminateAfter(timeout);
    this.#onMembersChanged();
    return empty;
  }

  #beginClose(reason: unknown): void {
    if (this.isClosed) return;
    this.#closedError = { reason };
    this.#stopListening();
    this.#refillPause.end();
    this.#waiters.rejectAll(reason);
    this.#idle.length = 0;
    for (const member of this.#members) {
      if (member.use === "opening") member.client?.terminate();
      if (member.use === "idle" || member.use === "shared") void member.close();
    }
  }

  /** Ends all connections after `timeout` milliseconds. An earlier deadline stays valid. */
  #terminateAfter(timeout: number): void {
    const { runtime } = this.#options;
    const deadline = runtime.now() + timeout;
    if (deadline >= this.#deadline || this.#members.size === 0) return;
    this.#deadline = deadline;
    this.#closeTimer?.clear();
    if (timeout === Infinity) return;
    this.#closeTimer = runtime.setTimer(timeout, () => {
      for (const member of this.#members) member.terminate();
    });
  }

  stats(): PoolStats {
    const open = [...this.#members].flatMap(({ client, use }): Stats[] =>
      client === undefined || use === "opening" ? [] : [client.stats()],
    );
    return Object.freeze({
      ...this.#stats.with(open),
      connections: this.#members.size,
      opening: this.#count("opening"),
      idle: this.#count("idle"),
      leased: this.#count("leased"),
      shared: this.#count("shared"),
      checking: this.#count("checking"),
      closing: this.#count("closing"),
      waiting: this.#waiters.size,
      leaseCount: this.#leaseCount,
      longestWaitMs: this.#longestWaitMs,
      lateMessageCount: this.#lateMessageCount,
    });
  }
}

function sourceOf({ client, ended }: Member): { readonly client: PoolClient; readonly ended: AbortSignal } {
  return { client: client!, ended };
}
