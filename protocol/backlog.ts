import type { SpareBuffer } from "./spare-buffer.js";

/** Bytes that came and were not parsed, for a pause or a throwing handler: copies of our own. */
export class Backlog {
  readonly #spare: SpareBuffer;
  #bytes: Buffer | undefined;
  /** The spare buffer, where the bytes are in it. */
  #borrowed: Buffer | undefined;
  /** The same, while what {@link take} gave is being parsed. */
  #taken: Buffer | undefined;

  constructor(spare: SpareBuffer) {
    this.#spare = spare;
  }

  get isEmpty(): boolean {
    return this.#bytes === undefined;
  }

  /** What is kept; only lent. */
  get bytes(): Buffer | undefined {
    return this.#bytes;
  }

  /** @param bytes - Only lent. */
  append(bytes: Buffer): void {
    if (this.#bytes === undefined) this.#copy(bytes);
    else this.#join(this.#bytes, bytes);
  }

  #copy(bytes: Buffer): void {
    this.#borrowed = this.#spare.borrow(bytes.length);
    if (this.#borrowed === undefined) {
      this.#bytes = Buffer.from(bytes);
    } else {
      bytes.copy(this.#borrowed);
      this.#bytes = this.#borrowed.subarray(0, bytes.length);
    }
  }

  #join(first: Buffer, second: Buffer): void {
    const joined = Buffer.concat([first, second]);
    this.clear();
    this.#bytes = joined;
  }

  /** Takes out all of it, to be parsed; what is left of it goes back by {@link putBack}, and be it nothing. */
  take(): Buffer | undefined {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    this.#taken = this.#borrowed;
    this.#borrowed = undefined;
    return bytes;
  }

  /** The end of what was parsed; it stands before what has come meanwhile. */
  putBack(rest: Buffer, wasTaken: boolean): void {
    const memory = this.#taken;
    this.#taken = undefined;
    if (rest.length === 0 || this.#bytes !== undefined || !wasTaken) {
      if (this.#bytes !== undefined) this.#join(rest, this.#bytes);
      else if (rest.length > 0) this.#copy(rest);
      this.#spare.giveBack(memory);
    } else {
      this.#bytes = rest;
      this.#borrowed = memory;
    }
  }

  clear(): void {
    this.#bytes = undefined;
    this.#spare.giveBack(this.#borrowed);
    this.#borrowed = undefined;
  }
}
