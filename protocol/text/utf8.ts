// Validates and decodes UTF-8. It chooses the fastest method for the version of Node and the kind of text; the result
// is the same for all methods.
import { Buffer, isAscii, isUtf8, transcode } from "node:buffer";
import { maxWasmTextSize, WasmUtf8Decoder } from "./wasm-utf8.js";

/** Buffer methods that exist in all versions of Node. `toString` calls them, but takes 10 ns longer. */
interface SliceableBuffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

/** In bytes. Below this size, decoding and then searching for U+FFFD is faster than a call of `isAscii`. */
const minAsciiCheckSize = 512;

/** Smallest sizes in bytes for WebAssembly and for `transcode`, the alternatives if {@link isSliceSlow}. */
const minWasmSize = 128;
const minTranscodeSize = 1024;

const nodeMajor = Number.parseInt(process.versions.node);

/**
 * Node 20 and 22 decode non-ASCII UTF-8 at 0.4 GB/s by `utf8Slice`, and at 3 GB/s by way of UTF-16. In Node 24 and
 * later `utf8Slice` is as fast. A Node that was built without ICU has no `transcode`.
 */
const isSliceSlow = process.versions.icu !== undefined && nodeMajor < 24;

/** `Buffer.byteLength` takes ten times longer in Node 23 to 25 than in other versions. */
export const isByteLengthSlow: boolean = nodeMajor >= 23 && nodeMajor <= 25;

/** Largest size in bytes for decoding as latin1 first: checking the string is then faster than a call of `isAscii`. */
const maxDecodeFirstSize = 32 * 1024;

const wasmDecoder = new WasmUtf8Decoder();

/**
 * Predictions for the next text: it is probably ASCII, or dense (see {@link isDense}), if the last checked text was. A
 * wrong prediction costs time but does not change the result.
 */
let isAsciiExpected = !isByteLengthSlow;
let isDenseExpected = false;

const replacementCharacter = "\ufffd";

/** Decodes the payload of a text message. Returns `undefined` if it is not UTF-8 (RFC 6455 8.1). */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  const size = end - start;
  if (size < minAsciiCheckSize && !(isDenseExpected && size >= minWasmSize)) {
    const text = (bytes as Buffer & SliceableBuffer).utf8Slice(start, end);
    // The decoder replaces invalid bytes by U+FFFD, but the peer may also have sent this character.
    if (text.includes(replacementCharacter) && !isUtf8(bytes.subarray(start, end))) return undefined;
    if (text.length !== size && size >= minWasmSize) isDenseExpected = isDense(text, size);
    return text;
  }
  return decodeChecked(bytes, start, end);
}

/** Checks the bytes before decoding them, to choose the fastest method. If ASCII is expected, it checks afterwards. */
function decodeChecked(bytes: Buffer, start: number, end: number): string | undefined {
  const slices = bytes as Buffer & SliceableBuffer;
  if (isAsciiExpected && end - start <= maxDecodeFirstSize) {
    const text = slices.latin1Slice(start, end);
    if (isAsciiText(text)) return text;
  }
  const payload = bytes.subarray(start, end);
  const isOnlyAscii = !isDenseExpected && isAscii(payload);
  isAsciiExpected = isOnlyAscii && !isByteLengthSlow;
  if (isOnlyAscii) return slices.latin1Slice(start, end);
  if (!isUtf8(payload)) return undefined;
  const text = decodeNonAscii(payload);
  isDenseExpected = isDense(text, payload.length);
  return text;
}

/** The UTF-8 length of a latin1 string is its own length plus 1 for each character above 0x7f. */
function isAsciiText(oneByteText: string): boolean {
  return Buffer.byteLength(oneByteText) === oneByteText.length;
}

/**
 * Returns `true` if many characters are not ASCII. For other texts `utf8Slice` is not slow, and its string may need
 * half the memory.
 */
function isDense(text: string, size: number): boolean {
  return isSliceSlow && (size - text.length) * 16 > size;
}

/** Decodes bytes that were already validated as UTF-8. */
export function decodeValid(bytes: Buffer, start: number, end: number, isAscii: boolean): string {
  const slices = bytes as Buffer & SliceableBuffer;
  if (isAscii) return slices.latin1Slice(start, end);
  if (!isSliceSlow || end - start < minWasmSize) return slices.utf8Slice(start, end);
  return decodeNonAscii(bytes.subarray(start, end));
}

function decodeNonAscii(payload: Buffer): string {
  const size = payload.length;
  if (isSliceSlow) {
    const text = size <= maxWasmTextSize ? wasmDecoder.decode(payload) : undefined;
    if (text !== undefined) return text;
    if (size >= minTranscodeSize) {
      const units = transcode(payload, "utf8", "ucs2") as Buffer & SliceableBuffer;
      return units.ucs2Slice(0, units.length);
    }
  }
  return (payload as Buffer & SliceableBuffer).utf8Slice(0, size);
}

/** Returns the size in bytes of the sequence that starts with `lead`, a byte of 0xc0 or more. */
export function sequenceSize(lead: number): number {
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Returns the position of an incomplete sequence at the end, or `end` if there is none. */
export function findTruncatedSequence(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at >= start && end - at < 4; at--) {
    const byte = bytes[at]!;
    if (byte >= 0xc0) return at + sequenceSize(byte) > end ? at : end;
  }
  return end;
}

/** Validates UTF-8 that arrives in pieces. Check {@link isWhole} after the last one. */
export class Utf8Validator {
  /** Number of missing bytes of an incomplete sequence, and the range of its next byte. */
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;
  #isAscii = true;

  /** `true` if all bytes so far are ASCII. */
  get isAscii(): boolean {
    return this.#isAscii;
  }

  /** `true` if the bytes so far do not end inside a sequence. */
  get isWhole(): boolean {
    return this.#needed === 0;
  }

  /** Validates the next piece. Returns `false` if the bytes are not UTF-8, whatever follows. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    const isAll = end - start === bytes.length;
    if (this.#isAscii && isAscii(isAll ? bytes : bytes.subarray(start, end))) return true;
    this.#isAscii = false;
    let at = start;
    for (; this.#needed > 0 && at < end; at++) {
      if (!this.#continues(bytes[at]!)) return false;
    }
    const validEnd = findTruncatedSequence(bytes, at, end);
    if (!isUtf8(bytes.subarray(at, validEnd))) return false;
    if (validEnd === end) return true;
    if (!this.#begins(bytes[validEnd]!)) return false;
    for (at = validEnd + 1; at < end; at++) {
      if (!this.#continues(bytes[at]!)) return false;
    }
    return true;
  }

  /** RFC 3629 4: the range of the second byte excludes overlong forms, surrogates and code points above U+10FFFF. */
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
