import { Buffer, isAscii } from "node:buffer";
import { decodeText, decodeValid, findCutSequence, sequenceSize } from "./utf8.js";
import { maxWideTextSize } from "./wide-utf8.js";

/** From this size in bytes on a text that arrives in pieces is decoded before its end; below, to decode it at once is faster. */
export const minLargeTextSize: number = 8 * 1024 * 1024;

/** The size in bytes of what is decoded at once. */
export const textBlockSize: number = maxWideTextSize;

/** Node keeps the characters of a string that is made of more units than 1,031,913 outside of the heap of V8. */
const partLength = 1024 * 1024;

/** A shorter piece of ASCII is no part of its own. */
const minAsciiPartSize = 32 * 1024;

const maxSequenceSize = 4;

/** Methods that every Node has on its buffers. */
interface Ucs2Buffer extends Buffer {
  ucs2Write(text: string, offset: number): number;
  ucs2Slice(start: number, end: number): string;
}

/**
 * Decodes a large text block by block while it arrives. The bytes of a text of 64 MiB need not be kept then until its end,
 * nor its UTF-16 units in one more buffer: the peak is the string and the parts that it is joined of.
 */
export class LargeText {
  readonly #parts: string[] = [];
  /** The UTF-16 units of the next part. */
  readonly #units: Ucs2Buffer = Buffer.allocUnsafeSlow(2 * (partLength + textBlockSize)) as Ucs2Buffer;
  #unitsSize = 0;
  /** A character that the end of a block has cut in two. */
  readonly #cut: Buffer = Buffer.alloc(maxSequenceSize);
  #cutLength = 0;
  #size = 0;

  /** The bytes of all that was pushed. */
  get size(): number {
    return this.#size;
  }

  /** @returns `false` where this is not UTF-8; a character that is cut off at the end may still become a bad one. */
  push(bytes: Buffer, start: number, end: number): boolean {
    this.#size += end - start;
    const at = this.#completeCut(bytes, start, end);
    if (at === undefined) return false;
    if (end - at >= minAsciiPartSize && isAscii(bytes.subarray(at, end))) {
      this.#endPart();
      this.#parts.push(decodeValid(bytes, at, end, true));
      return true;
    }
    return this.#decodeBlocks(bytes, at, end);
  }

  /** @returns Where the next character begins, or `undefined` where the one that was cut in two is none. */
  #completeCut(bytes: Buffer, start: number, end: number): number | undefined {
    let at = start;
    while (this.#cutLength > 0 && at < end) {
      this.#cut[this.#cutLength++] = bytes[at++]!;
      if (this.#cutLength < sequenceSize(this.#cut[0]!)) continue;
      if (!this.#decode(this.#cut, 0, this.#cutLength)) return undefined;
      this.#cutLength = 0;
    }
    return at;
  }

  #decodeBlocks(bytes: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      const blockEnd = Math.min(at + textBlockSize, end);
      const cut = findCutSequence(bytes, at, blockEnd);
      if (cut > at && !this.#decode(bytes, at, cut)) return false;
      if (blockEnd === end) {
        this.#cutLength = bytes.copy(this.#cut, 0, cut, end);
        return true;
      }
      at = cut;
    }
    return true;
  }

  #decode(bytes: Buffer, start: number, end: number): boolean {
    const text = decodeText(bytes, start, end);
    if (text === undefined) return false;
    this.#unitsSize += this.#units.ucs2Write(text, this.#unitsSize);
    if (this.#unitsSize >= 2 * partLength) this.#endPart();
    return true;
  }

  #endPart(): void {
    if (this.#unitsSize > 0) this.#parts.push(this.#units.ucs2Slice(0, this.#unitsSize));
    this.#unitsSize = 0;
  }

  /** The whole text; `undefined` where it ends inside a character. */
  finish(): string | undefined {
    if (this.#cutLength > 0) return undefined;
    this.#endPart();
    return this.#parts.join("");
  }
}
