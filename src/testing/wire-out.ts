import type { Link } from "./link.js";

/** What goes to the client: split, joined, cut or swallowed on its way, as the script wants it. */
export class WireOut {
  readonly #link: Link;
  readonly #queue: Buffer[] = [];
  /** While a write is made of several pieces. */
  #joined: Buffer[] | undefined;
  #pieceSize = Infinity;
  /** How many bytes may still leave before the reset. */
  #allowance = Infinity;
  #isWriting = false;
  #isEnding = false;
  #hasEnded = false;
  #isResetting = false;
  #isShut = false;

  constructor(link: Link) {
    this.#link = link;
  }

  splitBy(size: number): void {
    this.#pieceSize = size;
  }

  resetAfter(size: number): void {
    this.#allowance = size;
    if (size === 0 && !this.#isWriting) this.#reset();
  }

  write(bytes: Buffer): void {
    if (this.#isShut || this.#isEnding || this.#isResetting) return;
    if (this.#joined !== undefined) {
      this.#joined.push(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += this.#pieceSize)
      this.#queue.push(bytes.subarray(at, at + this.#pieceSize));
    this.#next();
  }

  join(run: () => void): void {
    this.#joined = [];
    try {
      run();
    } finally {
      const bytes = Buffer.concat(this.#joined);
      this.#joined = undefined;
      this.write(bytes);
    }
  }

  end(): void {
    this.#isEnding = true;
    this.#next();
  }

  /** Behind what was written before. */
  reset(): void {
    this.#isResetting = true;
    this.#next();
  }

  /** Swallows all from now on. */
  shut(): void {
    this.#isShut = true;
    this.#queue.length = 0;
  }

  #sendEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#link.end();
  }

  #reset(): void {
    if (this.#isShut) return;
    this.shut();
    this.#link.reset();
  }

  #next(): void {
    if (this.#isWriting || this.#isShut) return;
    const whole = this.#queue.shift();
    if (whole === undefined) {
      if (this.#isResetting) this.#reset();
      else if (this.#isEnding) this.#sendEnd();
      return;
    }
    const piece = whole.subarray(0, this.#allowance);
    this.#allowance -= piece.length;
    this.#isWriting = true;
    this.#link.write(piece, () => {
      this.#isWriting = false;
      if (this.#allowance === 0) this.#reset();
      else this.#next();
    });
  }
}
