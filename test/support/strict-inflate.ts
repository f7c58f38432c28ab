// An independent decoder that checks the output of the compressor. It does not aim for speed.

/**
 * A slow and strict DEFLATE decoder (RFC 1951). Unlike zlib, it rejects every distance beyond the agreed
 * window, and every message that does not end at a block boundary.
 */
export class StrictInflater {
  readonly #maxDistance: number;
  #history: number[] = [];
  #longest = 0;

  constructor(windowBits: number) {
    this.#maxDistance = 2 ** windowBits;
  }

  /** The longest distance in all messages. */
  get longestDistance(): number {
    return this.#longest;
  }

  /** Discards the history, like an end without context takeover. */
  reset(): void {
    this.#history = [];
  }

  inflate(message: Uint8Array): Buffer {
    const bits = new BitReader(Buffer.concat([message, Buffer.of(0x00, 0x00, 0xff, 0xff)]));
    const start = this.#history.length;
    while (!bits.isAtEnd) this.#block(bits);
    return Buffer.from(this.#history.slice(start));
  }

  #block(bits: BitReader): void {
    const isFinal = bits.take(1) === 1;
    const type = bits.take(2);
    if (type === 0) this.#stored(bits);
    else if (type === 1) this.#compressed(bits, fixedLiterals, fixedDistances);
    else if (type === 2) this.#compressed(bits, ...dynamicTables(bits));
    else throw new Error("reserved block type");
    if (isFinal) bits.align();
  }

  #stored(bits: BitReader): void {
    bits.align();
    const size = bits.take(16);
    if (bits.take(16) !== 0xffff - size) throw new Error("stored block lengths");
    for (let index = 0; index < size; index++) this.#history.push(bits.take(8));
  }

  #compressed(bits: BitReader, literals: Codes, distances: Codes): void {
    for (;;) {
      const symbol = bits.symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) this.#history.push(symbol);
      else this.#copy(lengthOf(symbol, bits), distanceOf(bits.symbol(distances), bits));
    }
  }

  #copy(length: number, distance: number): void {
    if (distance > this.#maxDistance) throw new Error(`distance ${distance} exceeds the window`);
    if (distance > this.#history.length) throw new Error(`distance ${distance} exceeds the history`);
    this.#longest = Math.max(this.#longest, distance);
    for (let index = 0; index < length; index++) this.#history.push(this.#history.at(-distance)!);
  }
}

/** Symbols by the bits of their code. */
type Codes = ReadonlyMap<string, number>;

class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length * 8;
  }

  take(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) {
      const byte = this.#bytes[this.#position >> 3];
      if (byte === undefined) throw new Error("the data ends inside a block");
      value |= ((byte >> (this.#position & 7)) & 1) << index;
      this.#position++;
    }
    return value;
  }

  align(): void {
    this.#position = Math.ceil(this.#position / 8) * 8;
  }

  symbol(codes: Codes): number {
    let code = "";
    while (code.length < 16) {
      code += String(this.take(1));
      const symbol = codes.get(code);
      if (symbol !== undefined) return symbol;
    }
    throw new Error("no such code");
  }
}

/** The canonical codes for a list of lengths (RFC 1951 3.2.2). */
function codesOf(lengths: readonly number[]): Codes {
  const codes = new Map<string, number>();
  let code = 0;
  for (let length = 1; length < 16; length++) {
    code <<= 1;
    for (const [symbol, own] of lengths.entries()) {
      if (own === length) codes.set((code++).toString(2).padStart(length, "0"), symbol);
    }
  }
  return codes;
}

function repeat(value: number, count: number): number[] {
  return new Array<number>(count).fill(value);
}

const fixedLiterals = codesOf([...repeat(8, 144), ...repeat(9, 112), ...repeat(7, 24), ...repeat(8, 8)]);
const fixedDistances = codesOf(repeat(5, 30));

/** The order of code lengths in a dynamic block (RFC 1951 3.2.7). */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function dynamicTables(bits: BitReader): [Codes, Codes] {
  const literalCount = bits.take(5) + 257;
  const distanceCount = bits.take(5) + 1;
  const codeLengths = repeat(0, 19);
  const count = bits.take(4) + 4;
  for (let index = 0; index < count; index++) codeLengths[lengthOrder[index]!] = bits.take(3);
  const codes = codesOf(codeLengths);
  const lengths: number[] = [];
  while (lengths.length < literalCount + distanceCount) {
    const symbol = bits.symbol(codes);
    if (symbol < 16) lengths.push(symbol);
    else if (symbol === 16) lengths.push(...repeat(lengths.at(-1)!, 3 + bits.take(2)));
    else if (symbol === 17) lengths.push(...repeat(0, 3 + bits.take(3)));
    else lengths.push(...repeat(0, 11 + bits.take(7)));
  }
  return [codesOf(lengths.slice(0, literalCount)), codesOf(lengths.slice(literalCount))];
}

/** Decodes the length of a match (RFC 1951 3.2.5). */
function lengthOf(symbol: number, bits: BitReader): number {
  if (symbol < 265) return symbol - 254;
  if (symbol === 285) return 258;
  const extra = (symbol - 261) >> 2;
  return 3 + ((4 + ((symbol - 265) & 3)) << extra) + bits.take(extra);
}

function distanceOf(symbol: number, bits: BitReader): number {
  if (symbol < 4) return symbol + 1;
  const extra = (symbol >> 1) - 1;
  return 1 + ((2 + (symbol & 1)) << extra) + bits.take(extra);
}
