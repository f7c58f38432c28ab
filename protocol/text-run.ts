import { Opcode } from "./constants.js";
import { firstByteOf, headerSizeFor } from "./frame-header.js";
import { isByteLengthSlow } from "./utf8.js";

/** The characters of a run, and so the memory that one message of it can hold on to. */
const maxRunSize = 8 * 1024;

/** Of the next run, where one was left half way: its rest was decoded for nothing. */
const minRunSize = 256;

/** With longer payloads a run is hardly cheaper than its messages one by one: `Buffer.byteLength` shows that all of it is ASCII. */
const maxPayloadSize = isByteLengthSlow ? 256 : 1024;

/** So many messages are decoded one by one before it is tried again whether they are ASCII. */
const messagesPerTry = 256;

const wholeTextByte = firstByteOf(Opcode.text, false);

/** Takes texts that came whole, one after the other. */
export interface TextSink {
  /** `true` between two messages, where a text of this size is within the limits. */
  mayTakeTexts(maxSize: number): boolean;
  onText(text: string, size: number): void;
  /** Texts go to {@link onLentText}; may change from one of them to the next. */
  readonly isLending: boolean;
  /** One of ASCII alone, where it lies. */
  onLentText(bytes: Buffer, start: number, end: number): void;
}

/** A method that every Node has on its buffers. */
interface SliceableBuffer {
  latin1Slice(start: number, end: number): string;
}

/**
 * Finds the small texts of one read that follow each other, and decodes them by one call: to slice a string costs a fifth of
 * a call that decodes a few bytes (`bench/ideas/text-run.mjs`).
 *
 * All of them must be ASCII for that, which one more call shows: in UTF-8 a one-byte string takes a byte for each character, and another
 * one for each above 0x7f; in a run of ASCII the only ones of those are bytes of the headers, which are counted beforehand.
 */
export class TextRun {
  #maxSize = maxRunSize;
  #untilTry = 0;
  /** Where the run that was found ends. */
  end = 0;

  /** The bytes of the run that begins at `start`, a character each; `undefined` where none does. */
  find(bytes: Buffer, start: number, end: number, sink: TextSink): string | undefined {
    if (bytes[start] !== wholeTextByte || !sink.mayTakeTexts(maxPayloadSize)) return undefined;
    if (this.#untilTry > 0) {
      this.#untilTry--;
      return undefined;
    }
    const limit = Math.min(end, start + this.#maxSize);
    let at = start;
    let count = 0;
    let aboveAscii = 0;
    while (bytes[at] === wholeTextByte && at + 4 <= limit) {
      const size = textSizeAt(bytes, at);
      const behind = at + headerSizeFor(size, false) + size;
      if (size === -1 || behind > limit) break;
      at = behind;
      count++;
      // The first byte of each header, and the last of a longer one where it is so large.
      aboveAscii += size >= 126 && (size & 0x80) !== 0 ? 2 : 1;
    }
    if (count < 2) {
      if (limit < end) this.#grow();
      return undefined;
    }
    this.end = at;
    return this.#decode(bytes, start, at, aboveAscii);
  }

  #decode(bytes: Buffer, start: number, end: number, aboveAscii: number): string | undefined {
    const text = (bytes as Buffer & SliceableBuffer).latin1Slice(start, end);
    if (Buffer.byteLength(text) === text.length + aboveAscii) return text;
    this.#untilTry = messagesPerTry;
    return undefined;
  }

  /** The run was taken as far as `position`. */
  leave(position: number): void {
    if (position < this.end) this.#maxSize = minRunSize;
    else this.#grow();
  }

  #grow(): void {
    this.#maxSize = Math.min(this.#maxSize * 2, maxRunSize);
  }
}

/** The payload's size in the frame of a small text without a mask; -1 where it is none. */
export function textSizeAt(bytes: Buffer, at: number): number {
  const second = bytes[at + 1]!;
  if (second < 126) return second;
  if (second > 126) return -1;
  const size = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  // RFC 6455 5.2: what is not encoded in the fewest bytes is left to the check of the header.
  return size < 126 || size > maxPayloadSize ? -1 : size;
}
