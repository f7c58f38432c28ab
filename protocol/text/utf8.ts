import { Buffer, isAscii, isUtf8, transcode } from "node:buffer";
import { maxWideTextSize, WideUtf8Decoder } from "./wide-utf8.js";

/** Methods that every Node has on its buffers; `toString` finds its way to them, 10 ns later. */
interface SliceableBuffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

/** Below this size one decoding pass and a look for U+FFFD cost less than a call to `isAscii`. */
const minAsciiCheckSize = 512;

/** From these sizes on there are ways around where {@link isSliceSlow}. */
const minWideSize = 128;
const minTranscodeSize = 1024;

const nodeMajor = Number.parseInt(process.versions.node);

/**
 * Node 20 and 22 decode UTF-8 beyond ASCII at 0.4 GB/s, by way of UTF-16 at 3; from 24 on their own way is as fast.
 * A Node that was built without ICU has no `transcode`.
 */
const isSliceSlow = process.versions.icu !== undefined && nodeMajor < 24;

/** `Buffer.byteLength` takes ten times longer in Node 24 than in those before and behind it. */
export const isByteLengthSlow: boolean = nodeMajor >= 23 && nodeMajor <= 25;

/** Up to this size a string of one byte a character shows that it is ASCII for less than a call to `isAscii`. */
const maxLookBehindSize = 32 * 1024;

const wideDecoder = new WideUtf8Decoder();

/**
 * The last text that was looked at was ASCII, or dense, see {@link isDense}: so the next one should be, which decides
 * nothing but the cost.
 */
let isAsciiExpected = !isByteLengthSlow;
let isDenseExpected = false;

const replacementCharacter = "\ufffd";

/** Decodes the payload of a text message; `undefined` where it is not UTF-8 (RFC 6455 8.1). */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  const size = end - start;
  if (size < minAsciiCheckSize && !(isDenseExpected && size >= minWideSize)) {
    const text = (bytes as Buffer & SliceableBuffer).utf8Slice(start, end);
    // The decoder puts U+FFFD in the place of bad bytes; the peer may have sent one, too.
    if (text.includes(replacementCharacter) && !isUtf8(bytes.subarray(start, end))) return undefined;
    if (text.length !== size && size >= minWideSize) isDenseExpected = isDense(text, size);
    return text;
  }
  return decodeChecked(bytes, start, end);
}

/** Looks at the bytes before it decodes them, so that the fastest way can be taken; or behind it, where one is expected to do. */
function decodeChecked(bytes: Buffer, start: number, end: number): string | undefined {
  const slices = bytes as Buffer & SliceableBuffer;
  if (isAsciiExpected && end - start <= maxLookBehindSize) {
    const text = slices.latin1Slice(start, end);
    if (isOfAscii(text)) return text;
  }
  const payload = bytes.subarray(start, end);
  const isOnlyAscii = !isDenseExpected && isAscii(payload);
  isAsciiExpected = isOnlyAscii && !isByteLengthSlow;
  if (isOnlyAscii) return slices.latin1Slice(start, end);
  if (!isUtf8(payload)) return undefined;
  const text = decodeBeyondAscii(payload);
  isDenseExpected = isDense(text, payload.length);
  return text;
}

/** In UTF-8 a one-byte string takes a byte for each character, and another one for each above 0x7f. */
function isOfAscii(oneByteText: string): boolean {
  return Buffer.byteLength(oneByteText) === oneByteText.length;
}

/** Of text with a character beyond ASCII here and there `utf8Slice` is not slow, and makes a string of half the memory. */
function isDense(text: string, size: number): boolean {
  return isSliceSlow && (size - text.length) * 16 > size;
}

/** Decodes what is known to be UTF-8. */
export function decodeValid(bytes: Buffer, start: number, end: number, isAscii: boolean): string {
  const slices = bytes as Buffer & SliceableBuffer;
  if (isAscii) return slices.latin1Slice(start, end);
  if (!isSliceSlow || end - start < minWideSize) return slices.utf8Slice(start, end);
  return decodeBeyondAscii(bytes.subarray(start, end));
}

function decodeBeyondAscii(payload: Buffer): string {
  const size = payload.length;
  if (isSliceSlow) {
    const text = size <= maxWideTextSize ? wideDecoder.decode(payload) : undefined;
    if (text !== undefined) return text;
    if (size >= minTranscodeSize) {
      const units = transcode(payload, "utf8", "ucs2") as Buffer & SliceableBuffer;
      return units.ucs2Slice(0, units.length);
    }
  }
  return (payload as Buffer & SliceableBuffer).utf8Slice(0, size);
}

/** How many bytes a sequence has that starts with `lead`, a byte from 0xc0 on. */
export function sequenceSize(lead: number): number {
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Where the sequence begins that is cut off at `end`; `end` where none is. */
export function findCutSequence(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at >= start && end - at < 4; at--) {
    const byte = bytes[at]!;
    if (byte >= 0xc0) return at + sequenceSize(byte) > end ? at : end;
  }
  return end;
}

/** Looks for the first bad byte of UTF-8 that comes in pieces; a sequence may still be cut off at the end of all. */
export class Utf8Validator {
  /** How many bytes the sequence still needs that the last piece has cut off, and what the next may be. */
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;
  #isAscii = true;

  /** What has come is ASCII. */
  get isAscii(): boolean {
    return this.#isAscii;
  }

  /** No sequence is cut off at the end of what has come. */
  get isWhole(): boolean {
    return this.#needed === 0;
  }

  /** `false` where no further piece can make this UTF-8. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    const isAll = end - start === bytes.length;
    if (this.#isAscii && isAscii(isAll ? bytes : bytes.subarray(start, end))) return true;
    this.#isAscii = false;
    let at = start;
    for (; this.#needed > 0 && at < end; at++) {
      if (!this.#continues(bytes[at]!)) return false;
    }
    const cut = findCutSequence(bytes, at, end);
    if (!isUtf8(bytes.subarray(at, cut))) return false;
    if (cut === end) return true;
    if (!this.#begins(bytes[cut]!)) return false;
    for (at = cut + 1; at < end; at++) {
      if (!this.#continues(bytes[at]!)) return false;
    }
    return true;
  }

  /** RFC 3629 4: the second byte is bounded where the first one would allow a long form, a surrogate or more than U+10FFFF. */
  #begins(lead: number): boolean {
    if (lead < 0xc2 || lead > 0xf4) return false;
    this.#needed = sequenceSize(lead) - 1;
    if (lead === 0xe0) this.#lower = 0xa0;
    if (lead === 0xed) this.#upper = 0x9f;
    if (lead === 0xf0) this.#lower = 0x90;
    if (lead === 0xf4) this.#upper = 0x8f;
    return true;
  }

  #continues(byte: number): boolean {
    if (byte < this.#lower || byte > this.#upper) return false;
    this.#lower = 0x80;
    this.#upper = 0xbf;
    this.#needed--;
    return true;
  }
}
