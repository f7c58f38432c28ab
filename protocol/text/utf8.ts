// Validates and decodes UTF-8, by the fastest method for the version of Node and for the kind of text that is expected.
// All methods give the same result. All connections of the process share the decoder of this module, and the
// predictions of the kind of the next text. A wrong prediction costs time, but does not change the result.
import { Buffer, isAscii, isUtf8, transcode } from "node:buffer";
import { latin1Slice, ucs2Slice, utf8Slice } from "../fast-buffer.js";
import { maxWasmTextSize, WasmUtf8Decoder } from "./wasm-utf8.js";

/** Smallest text in bytes that is checked by `isAscii`. A smaller text is decoded, and then searched for U+FFFD. */
const minAsciiCheckSize = 512;

/** Smallest text in bytes that WebAssembly decodes, if {@link isSliceSlow} is `true`. */
const minWasmSize = 128;
/** Smallest text in bytes that `transcode` decodes, if {@link isSliceSlow} is `true`. */
const minTranscodeSize = 1024;

const nodeMajor = Number.parseInt(process.versions.node);

/**
 * Whether `utf8Slice` is slower than decoding to UTF-16 first. In Node 20 and 22, `utf8Slice` decodes 0.4 GB/s of
 * non-ASCII text, and decoding to UTF-16 first reaches 3 GB/s. Since Node 24, both methods have the same speed. Builds
 * of Node without ICU have no `transcode`.
 */
const isSliceSlow = process.versions.icu !== undefined && nodeMajor < 24;

/** `Buffer.byteLength` takes ten times longer in Node 23 to 25 than in other versions. */
export const isByteLengthSlow: boolean = nodeMajor >= 23 && nodeMajor <= 25;

/** Largest text in bytes that is decoded before it is checked. Larger texts are checked first, by `isAscii`. */
const maxDecodeFirstSize = 32 * 1024;

const wasmDecoder = new WasmUtf8Decoder();

/**
 * Prediction: the next text is probably ASCII if the last checked text was ASCII. A wrong prediction costs time, but it
 * does not change the result.
 */
let isAsciiExpected = !isByteLengthSlow;
/**
 * Prediction: the next text probably has many non-ASCII characters if the last checked text had many non-ASCII
 * characters.
 */
let isDenseExpected = false;

/** Decodes the payload of a text message. Returns `undefined` if the payload is not UTF-8 (RFC 6455 8.1). */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  const size = end - start;
  if (size < minAsciiCheckSize && !(isDenseExpected && size >= minWasmSize)) {
    const text = utf8Slice(bytes, start, end);
    // The decoder replaces invalid bytes by U+FFFD, but the peer can also have sent this character.
    if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) return undefined;
    if (text.length !== size && size >= minWasmSize) isDenseExpected = isDense(text, size);
    return text;
  }
  return decodeChecked(bytes, start, end);
}

/** Checks and decodes the bytes by the fastest method. If ASCII is expected, the bytes are decoded before the check. */
function decodeChecked(bytes: Buffer, start: number, end: number): string | undefined {
  if (isAsciiExpected && end - start <= maxDecodeFirstSize) {
    const text = latin1Slice(bytes, start, end);
    // The length of a latin1 string in UTF-8 is its number of characters, plus 1 for each character above 0x7f.
    if (Buffer.byteLength(text) === text.length) return text;
  }
  const payload = bytes.subarray(start, end);
  const isOnlyAscii = !isDenseExpected && isAscii(payload);
  isAsciiExpected = isOnlyAscii && !isByteLengthSlow;
  if (isOnlyAscii) return latin1Slice(bytes, start, end);
  if (!isUtf8(payload)) return undefined;
  const text = decodeNonAscii(payload);
  isDenseExpected = isDense(text, payload.length);
  return text;
}

/**
 * Returns `true` if the text has so many non-ASCII characters that `utf8Slice` decodes the text slowly. Other small
 * texts are decoded by `utf8Slice`, because its strings may need only one byte per character. The alternatives,
 * WebAssembly and `transcode`, create strings with two bytes per character.
 */
function isDense(text: string, size: number): boolean {
  return isSliceSlow && (size - text.length) * 16 > size;
}

/** Decodes bytes that were already validated as UTF-8. */
export function decodeValid(bytes: Buffer, start: number, end: number, isAscii: boolean): string {
  if (isAscii) return latin1Slice(bytes, start, end);
  if (!isSliceSlow || end - start < minWasmSize) return utf8Slice(bytes, start, end);
  return decodeNonAscii(bytes.subarray(start, end));
}

function decodeNonAscii(payload: Buffer): string {
  const size = payload.length;
  if (isSliceSlow) {
    const text = size <= maxWasmTextSize ? wasmDecoder.decode(payload) : undefined;
    if (text !== undefined) return text;
    if (size >= minTranscodeSize) {
      const units = transcode(payload, "utf8", "ucs2");
      return ucs2Slice(units, 0, units.length);
    }
  }
  return utf8Slice(payload, 0, size);
}

/** Returns the size in bytes of the sequence whose first byte is `lead`. `lead` must be at least 0xc0. */
export function sequenceSize(lead: number): number {
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Returns the position of the incomplete sequence at the end, or `end` if the last sequence is complete. */
export function findTruncatedSequence(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at >= start && end - at < 4; at--) {
    const byte = bytes[at]!;
    if (byte >= 0xc0) return at + sequenceSize(byte) > end ? at : end;
  }
  return end;
}

/** Validates UTF-8 that arrives in pieces. After the last piece, the caller must check {@link isWhole}. */
export class Utf8Validator {
  /** Number of missing bytes of the incomplete sequence. */
  #needed = 0;
  /** Range of the next byte of the incomplete sequence. */
  #lower = 0x80;
  #upper = 0xbf;
  #isAscii = true;

  /** `true` if all bytes so far are ASCII. */
  get isAscii(): boolean {
    return this.#isAscii;
  }

  /** `false` if the bytes so far end inside a UTF-8 sequence. */
  get isWhole(): boolean {
    return this.#needed === 0;
  }

  /** Validates the next piece. Returns `false` if no further bytes can make the text valid UTF-8. */
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
