// Builds DEFLATE streams for tests of the decoder. It does not compress, and has no dynamic Huffman codes.

/** A match (RFC 1951 3.2.5). Its length is 3 to 10, so that it needs no extra bits. */
export interface Match {
  readonly length: number;
  readonly distance: number;
}

export interface BlockOptions {
  /** BFINAL, RFC 1951 3.2.3. */
  readonly isFinal?: boolean;
}

/** Writes DEFLATE data block by block, including sequences that a deflater would not produce. */
export class DeflateBlocks {
  #bits = "";

  /** A block with the fixed codes (RFC 1951 3.2.6). */
  fixed(items: readonly (string | Match)[], options: BlockOptions = {}): this {
    this.#header(1, options);
    for (const item of items) {
      if (typeof item === "string") this.#literals(item);
      else this.#match(item);
    }
    this.#code(0, 7);
    if (options.isFinal === true) this.align();
    return this;
  }

  /** A block of uncompressed bytes (RFC 1951 3.2.4). */
  stored(text: string, options: BlockOptions = {}): this {
    this.#header(0, options);
    this.align();
    const bytes = Buffer.from(text, "latin1");
    this.#value(bytes.length, 16);
    this.#value(0xffff - bytes.length, 16);
    for (const byte of bytes) this.#value(byte, 8);
    return this;
  }

  /** An empty stored block without its last four bytes (RFC 7692 7.2.1). */
  flush(options: BlockOptions = {}): this {
    this.#header(0, options);
    return this.align();
  }

  align(): this {
    this.#bits = this.#bits.padEnd(Math.ceil(this.#bits.length / 8) * 8, "0");
    return this;
  }

  bytes(): Buffer {
    const bytes: number[] = [];
    for (let at = 0; at < this.#bits.length; at += 8) {
      bytes.push(
        Number.parseInt(
          Array.from(this.#bits.slice(at, at + 8))
            .reverse()
            .join(""),
          2,
        ),
      );
    }
    return Buffer.from(bytes);
  }

  #header(type: number, options: BlockOptions): void {
    this.#value(options.isFinal === true ? 1 : 0, 1);
    this.#value(type, 2);
  }

  #literals(text: string): void {
    for (const byte of Buffer.from(text, "latin1")) {
      if (byte < 144) this.#code(0x30 + byte, 8);
      else this.#code(0x190 + byte - 144, 9);
    }
  }

  #match({ length, distance }: Match): void {
    this.#code(length - 2, 7);
    if (distance < 5) {
      this.#code(distance - 1, 5);
      return;
    }
    const extra = 30 - Math.clz32(distance - 1);
    this.#code(2 * (extra + 1) + (((distance - 1) >> extra) & 1), 5);
    this.#value((distance - 1) & (2 ** extra - 1), extra);
  }

  /** Appends a Huffman code, most significant bit first. */
  #code(value: number, count: number): void {
    this.#bits += value.toString(2).padStart(count, "0");
  }

  /** Appends any other value, least significant bit first. */
  #value(value: number, count: number): void {
    if (count > 0) this.#bits += Array.from(value.toString(2).padStart(count, "0")).reverse().join("");
  }
}
