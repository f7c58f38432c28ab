import type { KeptHandle } from "./kept-handle.js";

/** A codec that has had so many messages is worth a handle of its own. */
const minOwnUses = 16;

/**
 * The handles of one direction. Codecs that have had few messages share a limited number: from there on the handle that
 * was not used for the longest time changes hands. Freed memory seldom goes back to the system, so a process whose
 * codecs had a handle each from the first message on would keep what its connections took when they began.
 */
export class HandlePool<Kind> {
  readonly #open: (kind: Kind) => KeptHandle;
  readonly #limit: number;
  /** Those whose handle may be taken away. */
  readonly #shared: HandleHold<Kind>[] = [];
  #useCount = 0;

  /** @param open - Makes a handle; two of one kind, which are the same value, can take each other's place. */
  constructor(open: (kind: Kind) => KeptHandle, limit: number) {
    this.#open = open;
    this.#limit = limit;
  }

  /** Whether a codec that has had few messages now gets its handle from another. */
  get isFull(): boolean {
    return this.#shared.length >= this.#limit;
  }

  /** Counts one more use. */
  countUse(): number {
    return ++this.#useCount;
  }

  /** A handle that knows nothing, for a hold that has none. */
  open(hold: HandleHold<Kind>): KeptHandle {
    if (hold.isBusy) return this.#open(hold.kind);
    const taken = this.isFull ? this.#takeOldest(hold.kind) : undefined;
    const handle = taken ?? this.#open(hold.kind);
    this.#shared.push(hold);
    return handle;
  }

  /** The handle of this one is its own, or gone. */
  remove(hold: HandleHold<Kind>): void {
    const index = this.#shared.indexOf(hold);
    if (index !== -1) this.#shared.splice(index, 1);
  }

  #takeOldest(kind: Kind): KeptHandle | undefined {
    const oldest = this.#shared.reduce((first, hold) => (hold.lastUse < first.lastUse ? hold : first));
    const handle = oldest.giveUp();
    if (oldest.kind === kind) {
      handle?.reset();
      return handle;
    }
    handle?.close();
    return undefined;
  }
}

/** What one codec has of a pool: a handle, until another codec needs it more, or its own once it is busy. */
export class HandleHold<Kind> {
  readonly kind: Kind;
  readonly #pool: HandlePool<Kind>;
  #handle: KeptHandle | undefined;
  #lastUse = 0;
  #uses = 0;

  constructor(pool: HandlePool<Kind>, kind: Kind) {
    this.#pool = pool;
    this.kind = kind;
  }

  /** `undefined` where it was not opened yet, taken away, or given back. */
  get handle(): KeptHandle | undefined {
    return this.#handle;
  }

  get lastUse(): number {
    return this.#lastUse;
  }

  /** It had enough messages for a handle of its own. */
  get isBusy(): boolean {
    return this.#uses >= minOwnUses;
  }

  /** Another's handle would have to be taken for this one. */
  get isShort(): boolean {
    return this.#handle === undefined && !this.isBusy && this.#pool.isFull;
  }

  /** To be called where there is no handle: gives one that knows nothing. */
  open(): KeptHandle {
    this.#handle = this.#pool.open(this);
    return this.#handle;
  }

  /** Counts a message: the handle is the last one to be taken away. */
  touch(): void {
    if (this.#uses >= minOwnUses) return;
    this.#lastUse = this.#pool.countUse();
    if (++this.#uses === minOwnUses) this.#pool.remove(this);
  }

  /** Lets go of the handle, which lives on. */
  giveUp(): KeptHandle | undefined {
    const handle = this.#handle;
    if (handle !== undefined) this.#pool.remove(this);
    this.#handle = undefined;
    return handle;
  }

  /** Gives the memory of the handle back, and begins anew. */
  close(): void {
    this.giveUp()?.close();
    this.#uses = 0;
  }
}
