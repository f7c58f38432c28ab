// Shares a limited number of zlib handles between codecs. It does not save the window of a handle that is taken away.
import type { ZlibHandle } from "./zlib-handle.js";

/** Number of messages after which a codec keeps its handle. */
const minOwnUses = 16;

/**
 * The handles of one direction. Codecs that have processed few messages share a limited number of handles: when the
 * limit is reached, the least recently used handle is passed to the codec that needs one. The limit is there because
 * freed memory rarely returns to the operating system. Without it, a process that opens many connections would keep the
 * memory of one handle per connection.
 */
export class HandlePool<Kind> {
  readonly #open: (kind: Kind) => ZlibHandle;
  readonly #limit: number;
  /** The leases whose handle may be taken away. */
  readonly #shared: HandleLease<Kind>[] = [];
  #useCount = 0;

  /** @param open - Creates a handle. Handles of the same kind, compared by `===`, are interchangeable. */
  constructor(open: (kind: Kind) => ZlibHandle, limit: number) {
    this.#open = open;
    this.#limit = limit;
  }

  /** `true` if a codec with few messages must take its handle from another codec. */
  get isFull(): boolean {
    return this.#shared.length >= this.#limit;
  }

  /** Counts one use and returns the new count. */
  countUse(): number {
    return ++this.#useCount;
  }

  /** Returns a handle with an empty window for a lease that has no handle. */
  open(lease: HandleLease<Kind>): ZlibHandle {
    if (lease.isBusy) return this.#open(lease.kind);
    const taken = this.isFull ? this.#evictOldest(lease.kind) : undefined;
    const handle = taken ?? this.#open(lease.kind);
    this.#shared.push(lease);
    return handle;
  }

  /** Removes a lease from the shared ones: it keeps its handle, or has none any more. */
  remove(lease: HandleLease<Kind>): void {
    const index = this.#shared.indexOf(lease);
    if (index !== -1) this.#shared.splice(index, 1);
  }

  #evictOldest(kind: Kind): ZlibHandle | undefined {
    const oldest = this.#shared.reduce((first, lease) => (lease.lastUse < first.lastUse ? lease : first));
    const handle = oldest.detach();
    if (oldest.kind === kind) {
      handle?.reset();
      return handle;
    }
    handle?.close();
    return undefined;
  }
}

/** One codec's claim to a handle. Another codec may take the handle away until the codec is busy. */
export class HandleLease<Kind> {
  readonly kind: Kind;
  readonly #pool: HandlePool<Kind>;
  #handle: ZlibHandle | undefined;
  #lastUse = 0;
  #uses = 0;

  constructor(pool: HandlePool<Kind>, kind: Kind) {
    this.#pool = pool;
    this.kind = kind;
  }

  /** `undefined` if it was not opened yet, was taken away, or was closed. */
  get handle(): ZlibHandle | undefined {
    return this.#handle;
  }

  get lastUse(): number {
    return this.#lastUse;
  }

  /** `true` if the codec has processed enough messages to keep its handle. */
  get isBusy(): boolean {
    return this.#uses >= minOwnUses;
  }

  /** `true` if opening a handle would take it from another codec. */
  get mustEvict(): boolean {
    return this.#handle === undefined && !this.isBusy && this.#pool.isFull;
  }

  /** Call this only if there is no handle. Returns a handle with an empty window. */
  open(): ZlibHandle {
    this.#handle = this.#pool.open(this);
    return this.#handle;
  }

  /** Counts a message and makes this the most recently used lease. */
  touch(): void {
    if (this.#uses >= minOwnUses) return;
    this.#lastUse = this.#pool.countUse();
    if (++this.#uses === minOwnUses) this.#pool.remove(this);
  }

  /** Removes the handle from this lease without closing it, and returns it. */
  detach(): ZlibHandle | undefined {
    const handle = this.#handle;
    if (handle !== undefined) this.#pool.remove(this);
    this.#handle = undefined;
    return handle;
  }

  /** Closes the handle and resets the message count. */
  close(): void {
    this.detach()?.close();
    this.#uses = 0;
  }
}
