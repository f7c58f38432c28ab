// Shares a limited number of zlib handles between codecs. This module does not save the window of a handle that is
// taken away.
import type { ZlibOptions } from "node:zlib";
import type { ZlibHandle } from "./zlib-handle.js";

/** After this number of messages, the pool no longer gives the handle of a codec to other codecs. */
const minOwnUses = 16;

/**
 * The handles of one direction. Codecs that have processed few messages share a limited number of handles. When the
 * limit is reached, the pool takes the least recently used handle from its codec, and passes the handle to the codec
 * that needs one.
 *
 * Without the limit, a process that opens many connections would keep the memory of one handle per connection: freed
 * memory rarely returns to the operating system.
 */
export class HandlePool {
  readonly #open: (options: ZlibOptions) => ZlibHandle;
  readonly #limit: number;
  /** The leases with a handle that other codecs can take, in the order of their last use. */
  readonly #shared: Set<HandleLease> = new Set();

  constructor(open: (options: ZlibOptions) => ZlibHandle, limit: number) {
    this.#open = open;
    this.#limit = limit;
  }

  /**
   * `true` if the limit of shared handles is reached. A codec that has processed few messages, and that needs a handle,
   * must then take the handle of another codec.
   */
  get isFull(): boolean {
    return this.#shared.size >= this.#limit;
  }

  /** Returns a handle with an empty window for a lease that has no handle. */
  open(lease: HandleLease): ZlibHandle {
    if (lease.isBusy) return this.#open(lease.options);
    const taken = this.isFull ? this.#evictOldest(lease.kind) : undefined;
    const handle = taken ?? this.#open(lease.options);
    this.#shared.add(lease);
    return handle;
  }

  /**
   * Makes `lease` the most recently used shared lease. Exception: if the codec has processed enough messages to keep
   * its handle, `lease` is removed from the shared leases.
   */
  touch(lease: HandleLease): void {
    if (this.#shared.delete(lease) && !lease.isBusy) this.#shared.add(lease);
  }

  /** Removes a lease from the shared leases, because it has no handle any more. */
  remove(lease: HandleLease): void {
    this.#shared.delete(lease);
  }

  #evictOldest(kind: string): ZlibHandle | undefined {
    const [oldest] = this.#shared;
    const handle = oldest?.detach();
    if (oldest?.kind === kind) {
      handle?.reset();
      return handle;
    }
    handle?.close();
    return undefined;
  }
}

/**
 * The right of one codec to use a zlib handle. Other codecs can take the handle away until the codec has processed
 * `minOwnUses` messages.
 */
export class HandleLease {
  readonly options: ZlibOptions;
  /** Leases with the same options have the same kind. They can pass a handle to each other. */
  readonly kind: string;
  readonly #pool: HandlePool;
  #handle: ZlibHandle | undefined;
  #uses = 0;

  constructor(pool: HandlePool, options: ZlibOptions) {
    this.#pool = pool;
    this.options = options;
    this.kind = JSON.stringify(options);
  }

  /** `undefined` if the handle was not opened yet, was taken away, or was closed. */
  get handle(): ZlibHandle | undefined {
    return this.#handle;
  }

  /** `true` if the codec has processed a message. */
  get isUsed(): boolean {
    return this.#uses > 0;
  }

  /** `true` if the codec has processed enough messages to keep its handle. */
  get isBusy(): boolean {
    return this.#uses >= minOwnUses;
  }

  /** `true` if {@link open} would take a handle from another codec. */
  get mustEvict(): boolean {
    return this.#handle === undefined && !this.isBusy && this.#pool.isFull;
  }

  /** Returns a handle with an empty window. Call this only if the lease has no handle. */
  open(): ZlibHandle {
    this.#handle = this.#pool.open(this);
    return this.#handle;
  }

  /** Counts a message and makes this lease the most recently used lease. */
  touch(): void {
    if (this.isBusy) return;
    this.#uses++;
    this.#pool.touch(this);
  }

  /** Removes the handle from this lease and returns the handle. Does not close the handle. */
  detach(): ZlibHandle | undefined {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#pool.remove(this);
    return handle;
  }

  /** Closes the handle and resets the message count. */
  close(): void {
    this.detach()?.close();
    this.#uses = 0;
  }
}
