// Decodes a large UTF-8 text while the text arrives. This module does not limit the size of the text.
import { Buffer, isAscii } from "node:buffer";
import { ucs2Slice } from "../fast-buffer.js";
import { decodeText, decodeValid, findTruncatedSequence, sequenceSize } from "./utf8.js";
import { maxWasmTextSize } from "./wasm-utf8.js";

/**
 * Smallest text in bytes that is decoded in blocks while it arrives. For a smaller text, it is faster to decode the
 * whole text by one call.
 */
export const minLargeTextSize: number = 8 * 1024 * 1024;

/** Largest size in bytes of a block that is decoded by one call. */
export const textBlockSize: number = maxWasmTextSize;

/**
 * Length of a partial string in UTF-16 code units. Node stores strings of more than 1,031,913 units outside the V8
 * heap.
 */
const partLength = 1024 * 1024;

/** Minimum size in bytes of a received ASCII piece that is stored as a separate string. */
const minAsciiPartSize = 32 * 1024;

/** Maximum size of a character in UTF-8, in bytes. */
const maxSequenceSize = 4;

/**
 * Decodes a large text in blocks while the text arrives. The bytes of a block can be discarded after the block is
 * decoded. The decoded text is stored as partial strings, so no buffer is needed for the UTF-16 code units of the whole
 * text.
 */
export class LargeText {
  readonly #parts: string[] = [];
  /** The UTF-16 code units of the next part. */
  readonly #units: Buffer = Buffer.allocUnsafeSlow(2 * (partLength + textBlockSize));
  #unitsSize = 0;
  /** The first bytes of a character that continues in the next block. */
  readonly #partial: Buffer = Buffer.alloc(maxSequenceSize);
  #partialLength = 0;
  #size = 0;

  /** Number of bytes pushed so far. */
  get size(): number {
    return this.#size;
  }

  /** @returns `false` if the bytes are not UTF-8. An incomplete character at the end is checked by the next call. */
  push(bytes: Buffer, start: number, end: number): boolean {
    this.#size += end - start;
    const at = this.#completePartial(bytes, start, end);
    if (at === undefined) return false;
    if (end - at >= minAsciiPartSize && isAscii(bytes.subarray(at, end))) {
      this.#endPart();
      this.#parts.push(decodeValid(bytes, at, end, true));
      return true;
    }
    return this.#decodeBlocks(bytes, at, end);
  }

  /**
   * Completes the partial character of the previous block.
   * @returns The position of the next character, or `undefined` if the partial character is invalid.
   */
  #completePartial(bytes: Buffer, start: number, end: number): number | undefined {
    let at = start;
    while (this.#partialLength > 0 && at < end) {
      this.#partial[this.#partialLength++] = bytes[at++]!;
      if (this.#partialLength < sequenceSize(this.#partial[0]!)) continue;
      if (!this.#decode(this.#partial, 0, this.#partialLength)) return undefined;
      this.#partialLength = 0;
    }
    return at;
  }

  #decodeBlocks(bytes: Buffer, start: number, end: number): boolean {
    let at = start;
    while (at < end) {
      const blockEnd = Math.min(at + textBlockSize, end);
      const decodeEnd = findTruncatedSequence(bytes, at, blockEnd);
      if (decodeEnd > at && !this.#decode(bytes, at, decodeEnd)) return false;
      if (blockEnd === end) {
        this.#partialLength = bytes.copy(this.#partial, 0, decodeEnd, end);
        return true;
      }
      at = decodeEnd;
    }
    return true;
  }

  #decode(bytes: Buffer, start: number, end: number): boolean {
    const text = decodeText(bytes, start, end);
    if (text === undefined) return false;
    this.#unitsSize += this.#units.write(text, this.#unitsSize, "utf16le");
    if (this.#unitsSize >= 2 * partLength) this.#endPart();
    return true;
  }

  #endPart(): void {
    if (this.#unitsSize > 0) this.#parts.push(ucs2Slice(this.#units, 0, this.#unitsSize));
    this.#unitsSize = 0;
  }

  /** Returns the whole text, or `undefined` if the text ends inside a character. */
  finish(): string | undefined {
    if (this.#partialLength > 0) return undefined;
    this.#endPart();
    return this.#parts.join("");
  }
}
